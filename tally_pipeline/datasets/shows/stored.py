"""Reads a list's captures from bronze, and the footers of its silver."""

from __future__ import annotations

from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.list_capture import Bronze, UnreadableBronzeError
from tally_pipeline.datasets.shows.footer import Footer
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey


def read_bronze(lake: Lake, key: BronzeKey) -> Bronze:
    """Read a capture; raises `NoSuchObjectError`, `UnreadableBronzeError`, both naming the object."""
    try:
        return list_capture.decode(lake.store.get(str(key)))
    except UnreadableBronzeError as error:
        raise UnreadableBronzeError(f"{lake.store.uri(str(key))} is not a capture: {error}") from error


def silver_footer(lake: Lake, data_type: str, dt: str) -> Footer | None:
    """The footer of the day's silver; None without one. Raises `ForeignFileError`."""
    return lake.footer(layout.silver_key(data_type, dt), Footer)
