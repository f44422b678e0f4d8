"""`python -m proof [NAME…] [--long] [--seed N]`: try to prove Tally wrong; exits 1 if anything does not hold."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from pathlib import Path

from proof.report import Proof

NAMES = {
    "kills": "killed at any moment, nothing is lost and nothing half is shown",
    "together": "two or ten at once end as one of them in some order",
    "faults": "what TMDB, the store and the catalog can do wrong",
    "hostile": "bytes that were made to break it",
    "secrets": "no token anywhere, nothing listens beyond loopback, dependencies are pinned and audited",
    "beside_dlt": "the same cases on dlt",
}
"""The proofs, each a module of this package with `prove(long: bool, seed: int) -> Proof`; imported when it is run."""


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
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write what was found to this file")
    told = parser.parse_args()
    unknown = [name for name in told.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no proof {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    _without_anybodys_settings()
    broken, sections = [], []
    for name in told.names or NAMES:
        began = time.monotonic()
        proof: Proof = importlib.import_module(f"proof.{name}").prove(told.long, told.seed)
        sections.append(proof.markdown(time.monotonic() - began))
        print(sections[-1], flush=True)
        broken += [] if proof.holds else [name]
    if told.write:
        told.write.write_text("\n".join(sections), encoding="utf-8")
    if broken:
        again = f"python -m proof {' '.join(broken)}{' --long' if told.long else ''} --seed {told.seed}"
        print(f"Not proven: {', '.join(broken)}. Again with: {again}", file=sys.stderr)
    return 1 if broken else 0


def _without_anybodys_settings() -> None:
    """Proofs are about Tally, not about what this shell says of TMDB, Tally and Dagster."""
    for name in list(os.environ):
        if name.startswith(("TMDB_", "TALLY_", "DAGSTER_")) and name != "TALLY_SHARED":
            del os.environ[name]


if __name__ == "__main__":
    sys.exit(main())
