"""`tally collect` with files that are closed after a quarter of a second."""

from __future__ import annotations

import sys
from functools import partial
from unittest import mock

from tally_pipeline.cli import collect, main
from tally_pipeline.collector.server import Collector

SEGMENT_SECONDS = 0.25

if __name__ == "__main__":
    mock.patch.object(collect, "Collector", partial(Collector, segment_seconds=SEGMENT_SECONDS)).start()
    sys.exit(main(["collect"]))
