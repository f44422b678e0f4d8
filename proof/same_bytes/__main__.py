"""`python -m proof.same_bytes [REVISION] [--long] [--seed N] [--tree FOLDER]`: exits 1 if any byte differs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from proof.same_bytes import held_against
from proof.same_bytes.trees import BEFORE, REPOSITORY, AbsentError, Tree


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m proof.same_bytes", description="Hold what this tree makes against a commit before it."
    )
    parser.add_argument("revision", nargs="?", default=BEFORE, metavar="REVISION", help="the commit before")
    parser.add_argument("--long", action="store_true", help="60 days of sandbox, and the larger corpus")
    parser.add_argument("--seed", type=int, default=1, help="what the corpus is drawn from (1)")
    parser.add_argument(
        "--tree",
        type=Path,
        default=REPOSITORY,
        metavar="FOLDER",
        help="the tree after, this one if not given",
    )
    told = parser.parse_args()
    began = time.monotonic()
    after = Tree("after", told.tree.resolve())
    try:
        proof = held_against(told.revision, after, long=told.long, seed=told.seed)
    except AbsentError as absent:
        print(f"{absent}.", file=sys.stderr)
        return 1
    print(proof.markdown(time.monotonic() - began), end="")
    return 0 if proof.holds else 1


if __name__ == "__main__":
    sys.exit(main())
