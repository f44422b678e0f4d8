"""Where shows can be watched, what arrived and what left, against the same made a second way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tally_pipeline.gold import availability, availability_changes
from tally_pipeline_tests.gold import offers
from tally_pipeline_tests.gold.offers import OffersLake


@pytest.mark.parametrize("seed", range(4))
def test_day_after_day_gives_what_the_whole_window_gives_at_once(root: Path, seed: int) -> None:
    lake, history = OffersLake(root), offers.invent(seed)
    for day, shows in history.items():
        lake.write_day(day, shows)
        assert lake.publish(availability.TABLE, day) == offers.intervals(history, day)
        assert lake.publish(availability_changes.TABLE, day) == offers.changes(history, day)
