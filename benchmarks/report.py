"""Measured numbers as a table: median and spread, with the target beside, printed and kept in RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from tally_pipeline import clock, markdown

RESULTS = Path(__file__).with_name("RESULTS.md")

_PACKAGES = ("dagster", "pyarrow", "duckdb", "pandas", "numpy", "msgspec", "obstore", "requests")
_HEAD = "# What Tally costs\n\nWritten by `make bench` (`python -m benchmarks NAME…` renews a part); do not edit.\n"


@dataclass(frozen=True)
class Target:
    """An upper or lower limit of a median."""

    direction: Literal["at most", "at least"]
    value: float

    def is_met_by(self, value: float) -> bool:
        return value <= self.value if self.direction == "at most" else value >= self.value


@dataclass(frozen=True)
class Measure:
    """One number, measured once a run. `indent` shows it as a part of the one above."""

    name: str
    values: Sequence[float]
    unit: str
    target: Target | None = None
    indent: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def cells(self) -> tuple[str, ...]:
        several = len(self.values) > 1
        spread = f"{_number(min(self.values))} to {_number(max(self.values))}" if several else ""
        target = verdict = ""
        if self.target:
            target = f"{self.target.direction} {_number(self.target.value)}"
            verdict = "met" if self.target.is_met_by(self.median) else "**missed**"
        name = f"– {self.name}" if self.indent else self.name
        return name, _number(self.median), self.unit, spread, target, verdict


@dataclass(frozen=True)
class Report:
    """The result of one benchmark. `notes` describe the method, and the parts that a number includes or not."""

    name: str
    title: str
    runs: int
    measures: Sequence[Measure]
    notes: Sequence[str]

    def markdown(self) -> str:
        """The report as a section of RESULTS.md."""
        head = ("", "median", "unit", f"least to most of {self.runs}", "target", "")
        table = markdown.aligned_table(head, [measure.cells() for measure in self.measures], right=(1, 3))
        notes = "\n".join(f"- {note}" for note in self.notes)
        return f"## {self.name}: {self.title}\n\n{_circumstances()}\n\n{table}\n\n{notes}\n"


def keep(report: Report, results: Path = RESULTS) -> None:
    """Put a report in place of the last one of its name; the others stay."""
    text = results.read_text(encoding="utf-8") if results.exists() else ""
    kept = {found.split(":")[0]: f"## {found}" for found in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}
    kept[report.name] = report.markdown()
    results.write_text(
        "\n".join([_HEAD, *(section.rstrip() + "\n" for section in kept.values())]), encoding="utf-8"
    )


def _circumstances() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    load = os.getloadavg()[0]
    return f"{clock.now():%Y-%m-%d}. {machine}, load {load:.1f} at the end. {python}, {packages}."


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}"
