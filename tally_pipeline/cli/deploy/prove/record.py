"""The record of a proof: a page of Markdown, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tally_pipeline import markdown
from tally_pipeline.cli.deploy.prove.trial import Tried

MARKS = {"holds": "✓", "fails": "✗", "known difference": "≠", "not tried": "–"}


@dataclass(frozen=True)
class Record:
    """The outcomes of all trials, with place, day and versions; `emulator` is None on AWS. It holds no secret."""

    day: str
    account: str
    caller: str
    region: str
    emulator: str | None
    versions: dict[str, str]
    trials: Sequence[Tried]
    stays: Sequence[str]
    usd: float

    @property
    def holds(self) -> bool:
        """True if no trial fails. What differs as it is known to, and what was not tried, does not fail."""
        return all(one.state != "fails" for one in self.trials)

    @property
    def where(self) -> str:
        """The account, or the emulator, in words."""
        on = "AWS" if self.emulator is None else f"an emulator ({self.emulator})"
        return f"{on}, account {self.account}, {self.region}"


def as_json(record: Record) -> str:
    """The record for programs."""
    told = {name: value for name, value in asdict(record).items() if name != "trials"}
    trials = [
        {name.replace("name", "trial"): value for name, value in asdict(one).items()} for one in record.trials
    ]
    return json.dumps({"holds": record.holds, **told, "trials": trials}, indent=2, ensure_ascii=False) + "\n"


def as_markdown(record: Record) -> str:
    """The record for people, to keep beside the deployment."""
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    counts = {state: sum(one.state == state for one in record.trials) for state in MARKS}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    rows = [
        [
            MARKS[one.state],
            f"`{one.name}`",
            _cell(one.says),
            one.state,
            _cell(_seen(one)),
            f"{one.seconds:.1f}",
        ]
        for one in record.trials
    ]
    left = "\n".join(f"- {one}" for one in record.stays) or "- nothing"
    return (
        f"# What `tally deploy prove` saw on {record.day}\n\n"
        f"On {record.where}, as {record.caller}; {versions}.\n"
        f"{told}. About ${record.usd:.3f}.\n\n"
        f"{markdown.table(['', 'trial', 'what should hold', 'outcome', 'seen', 's'], rows)}\n\n"
        f"## What it left behind\n\n{left}\n"
    )


def _seen(one: Tried) -> str:
    more = [f"→ {one.todo}"] if one.todo else []
    return ". ".join([part for part in (one.seen, one.note) if part] + more)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
