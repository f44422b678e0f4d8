"""The end of events as they came, in a lake in a folder. In a bucket its own rules remove them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tally_pipeline.events import batches
from tally_pipeline.lake import expiry
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.retention import day_of


def expire(lake: Lake, days: int, today: date) -> int:
    """Remove batches that arrived `days` days ago or earlier (0: none); returns their number. Raises `LakeError`."""
    if not days or lake.store.is_shared:
        return 0
    first = (today - timedelta(days=days - 1)).isoformat()
    over = [info for info in lake.store.list(batches.FOLDER) if (day_of(info.key) or first) < first]
    return expiry.remove(Path(lake.store.root), over)
