"""`python -m proof [NAME…] [--long] [--seed N]`: try to prove Tally wrong; exits 1 if anything does not hold."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from proof.report import Proof
from tally_pipeline import clock

NAMES = {
    "concurrency": "two or ten at once end as one of them in some order",
    "two_writers": "several machines on one bucket end as one after the other",
    "details": "details killed over and over: nothing is asked for twice, nothing is lost",
    "collector": "the collector killed over and over: no acknowledged event is lost",
    "faults": "what TMDB, the store and the catalog can do wrong",
    "kills": "killed at any moment, nothing is lost and nothing half is shown",
    "secrets": "no token anywhere, nothing listens beyond loopback, dependencies are pinned and audited",
    "beside_dlt": "the same cases on dlt",
    "fuzz": "bytes that were made to break it",
}
"""The proofs, the slowest first: modules of this package with `prove(long: bool, seed: int) -> Proof`."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m proof",
        description="Try to prove Tally wrong. Exits 1 if anything does not hold.",
        epilog="\n".join(f"{name:<12}{what}" for name, what in NAMES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which proofs (all if none is named)")
    parser.add_argument(
        "--long", action="store_true", help="every case; without it, those that fit into CI's minutes"
    )
    parser.add_argument("--seed", type=int, default=1, help="what random choices start from (1)")
    parser.add_argument(
        "--jobs",
        type=int,
        default=max(1, (os.cpu_count() or 1) * 3 // 2),
        help="how many proofs are at work at once, each a process (three for two cores: they wait a lot)",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write what was found to this file")
    told = parser.parse_args()
    unknown = [name for name in told.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no proof {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    names = told.names or list(NAMES)
    if len(names) == 1:
        _without_anybodys_settings()
        found = [_prove(names[0], told.long, told.seed)]
    else:
        options = ["--long"] * told.long + ["--seed", str(told.seed)]
        with ThreadPoolExecutor(told.jobs) as pool:
            found = list(pool.map(partial(_in_a_process, options=options), names))
    broken = [name for name, (_, holds) in zip(names, found, strict=True) if not holds]
    if told.write:
        told.write.write_text("\n".join([_head(), *(section for section, _ in found)]), encoding="utf-8")
    if broken:
        again = f"python -m proof {' '.join(broken)}{' --long' if told.long else ''} --seed {told.seed}"
        print(f"Not proven: {', '.join(broken)}. Again with: {again}", file=sys.stderr)
    return 1 if broken else 0


def _head() -> str:
    return (
        "# Tried to prove Tally wrong\n\nWritten by `make prove LONG=1`; do not edit."
        f" {clock.now():%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} {platform.machine()},"
        f" {platform.python_implementation()} {platform.python_version()}.\n"
    )


def _prove(name: str, long: bool, seed: int) -> tuple[str, bool]:
    """Run a proof and print its result; returns the text, and True if it holds."""
    began = time.monotonic()
    proof: Proof = importlib.import_module(f"proof.{name}").prove(long, seed)
    section = proof.markdown(time.monotonic() - began)
    print(section, flush=True)
    return section, proof.holds


def _in_a_process(name: str, options: Sequence[str]) -> tuple[str, bool]:
    """The same in a process of its own, so that several can run at once."""
    ran = subprocess.run(
        [sys.executable, "-m", "proof", name, *options], stdout=subprocess.PIPE, text=True, check=False
    )
    print(ran.stdout, end="", flush=True)
    return ran.stdout, ran.returncode == 0


def _without_anybodys_settings() -> None:
    """Removes this shell's settings of TMDB, Tally and Dagster."""
    for name in list(os.environ):
        if name.startswith(("TMDB_", "TALLY_", "DAGSTER_")) and name != "TALLY_SHARED":
            del os.environ[name]
    os.environ["TALLY_DOTENV"] = os.devnull


if __name__ == "__main__":
    sys.exit(main())
