"""`python -m benchmarks [NAME…]`: run all benchmarks or those named, print what they found and keep it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from benchmarks import (
    backfill,
    catch_up,
    collector,
    daily,
    details,
    engines,
    exports,
    gold,
    growth,
    plans,
    report,
)
from benchmarks.report import Report
from tally_pipeline import clock


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what Tally costs.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="engines, daily, growth, backfill, catch_up, gold, exports, plans, details, collector; all if none is"
        " named",
    )
    parser.add_argument(
        "--runs",
        type=int,
        help="how often each is measured (growth and catch_up 1, exports always 1, the others 3)",
    )
    parser.add_argument("--days", type=int, default=90, help="days of backfill and exports (90)")
    told = parser.parse_args()
    benchmarks: dict[str, Callable[[], Report]] = {
        "engines": partial(engines.measure, told.runs or 3),
        "daily": partial(daily.measure, told.runs or 3),
        "growth": partial(growth.measure, told.runs or 1),
        "backfill": partial(backfill.measure, told.runs or 3, told.days),
        "catch_up": partial(catch_up.measure, told.runs or 1, 60),
        "gold": partial(gold.measure, told.runs or 3),
        "exports": partial(exports.measure, told.days),
        "plans": partial(plans.measure, told.runs or 3),
        "details": partial(details.measure, told.runs or 3),
        "collector": partial(collector.measure, told.runs or 3),
    }
    unknown = [name for name in told.names if name not in benchmarks]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(benchmarks)}")
    for name in told.names or benchmarks:
        print(f"{clock.now():%H:%M} UTC {name} …", file=sys.stderr, flush=True)
        found = benchmarks[name]()
        print(found.markdown(), flush=True)
        report.keep(found)


if __name__ == "__main__":
    main()
