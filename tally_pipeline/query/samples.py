"""The sample queries that ship with Tally: files in Athena's SQL, each beginning with its question."""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("tally_pipeline.query") / "samples"


class UnknownSampleError(LookupError):
    """There is no sample query of this name; the message lists the names."""


def names() -> list[str]:
    """The names of the sample queries, in alphabetical order."""
    return sorted(file.name.removesuffix(".sql") for file in _FOLDER.iterdir() if file.name.endswith(".sql"))


def read(name: str) -> str:
    """The SQL of the sample of this name; raises `UnknownSampleError` otherwise."""
    if name not in names():
        raise UnknownSampleError(f"there is no sample query {name!r}; there are: {', '.join(names())}")
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def question(name: str) -> str:
    """The sample's question, in one sentence: its first line without the comment's dashes."""
    return read(name).splitlines()[0].removeprefix("--").strip()
