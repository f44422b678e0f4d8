"""`python -m proof.fuzzing.fuzz TARGET --runs N --seed S --keep DIR`: fuzzes a target, in a process that may die.

By atheris (libFuzzer): what an input reaches in `tally_pipeline` decides whether it is changed further; the input
that breaks a claim, hangs, takes too much memory or kills the process is kept in DIR. With --drawn by hypothesis.
"""

from __future__ import annotations

import argparse
import importlib
import json
import mmap
import sys
from pathlib import Path
from typing import Any

LONGEST = 4096
HANGS_SECONDS = 30
MEMORY_MB = 3000


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--drawn", action="store_true")
    told = parser.parse_args()
    if told.drawn:
        return _drawn(told.target, told.runs, told.seed, told.keep)
    _guided(told.target, told.runs, told.seed, told.keep)
    return 0


def _guided(name: str, runs: int, seed: int, keep: Path) -> None:
    """Does not come back: libFuzzer ends the process."""
    import atheris

    # Only what is imported inside is watched.
    with atheris.instrument_imports(include=["tally_pipeline"]):
        targets = importlib.import_module("proof.fuzzing.targets")
    target = targets.TARGETS[name]
    corpus = keep / "corpus"
    corpus.mkdir()
    for place, data in enumerate(target.seeds()):
        (corpus / f"{place:03}").write_bytes(data)
    words = keep / "dictionary"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in targets.DICTIONARY))
    options = {
        "runs": runs,
        "seed": seed,
        "max_len": LONGEST,
        "timeout": HANGS_SECONDS,
        "rss_limit_mb": MEMORY_MB,
        "artifact_prefix": f"{keep}/",
        "dict": words,
        "print_final_stats": 1,
        "verbosity": 0,
    }
    last = _Last(keep / "last")

    def run(data: bytes) -> None:
        last.put(data)
        target.run(data)

    atheris.Setup(
        [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(corpus)], run
    )
    atheris.Fuzz()


class _Last:
    """The input that is tried now, in memory that outlives the process: it is there however the process ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._file.truncate(LONGEST + 8)
        self._memory = mmap.mmap(self._file.fileno(), LONGEST + 8)

    def put(self, data: bytes) -> None:
        self._memory[:8] = len(data).to_bytes(8, "big")
        self._memory[8 : 8 + len(data)] = data


def _escaped(word: bytes) -> str:
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word
    )


def _drawn(name: str, runs: int, seed: int, keep: Path) -> int:
    """Draws what a person would think of: rows, pages, lines and events in every way they may be written."""
    import hypothesis
    from hypothesis import strategies as st

    from proof.fuzzing import properties_of_data, targets
    from tally_pipeline.bronze import list_capture
    from tally_pipeline.datasets.shows.refinement import refine
    from testkit.captures import JSON_VALUES, ROW_SOUP, STYLES, row_texts
    from testkit.events import changed_events, request

    def rows(texts: list[bytes]) -> bytes:
        return b'{"results":[' + b",".join(texts) + b"]}"

    def sent(events: list[dict[str, Any]], style: dict[str, Any]) -> bytes:
        return b"\0" + json.dumps(request(*events), **style).encode("utf-8", "surrogatepass")

    values = st.builds(lambda value, style: json.dumps(value, **style).encode(), JSON_VALUES, STYLES)
    drawn: dict[str, st.SearchStrategy[bytes]] = {
        "page": st.builds(rows, ROW_SOUP) | values,
        "capture": st.builds(rows, ROW_SOUP | st.lists(row_texts(), min_size=1, max_size=30)),
        "cutting": values,
        "events": st.builds(sent, st.lists(changed_events() | JSON_VALUES, min_size=1, max_size=5), STYLES),
        "lines": st.builds(targets.line_of, changed_events()),
        "genres": st.builds(lambda value: b'{"genres":' + value + b"}", values) | values,
    }
    count = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=runs, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(drawn[name])
    def holds(data: bytes) -> None:
        nonlocal count
        count += 1
        (keep / "last").write_bytes(data)
        if name == "capture":
            # Stricter than for any bytes: whatever the rows are, they do not cost the capture.
            found = list_capture.decode(data)
            refined = refine(found, data_type="popular_shows", dt=properties_of_data.DT, key="k")
            properties_of_data.accounted(found, refined)
        else:
            targets.TARGETS[name].run(data)

    try:
        holds()
    finally:
        print(f"Done {count} runs", file=sys.stderr)
    (keep / "last").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
