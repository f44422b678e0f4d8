"""Bytes that were made to break it: fuzzed by coverage and by property, and monsters; all in child processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from proof.fuzzing.targets import TARGETS
from proof.report import Proof, verdict

SHORT, LONG = 20_000, 1_000_000
"""Inputs in all, at least, by coverage."""

DRAWN = ("page", "capture", "cutting", "genres", "events", "lines")
DRAWN_SHORT, DRAWN_LONG = 300, 10_000
"""Inputs by property, of each target that has a strategy."""

CHILD_SECONDS = 3600
COLUMNS = ("target", "by", "inputs", "what must hold", "what happened", "verdict")


@dataclass(frozen=True)
class Fuzzed:
    """The outcome of one child. `wrong` is empty if the claim held."""

    target: str
    by: str
    inputs: int
    claim: str
    wrong: str = ""
    note: str = ""


def prove(long: bool, seed: int) -> Proof:
    kept = Path(tempfile.mkdtemp(prefix="tally-fuzz-"))
    all_shares = sum(target.share for target in TARGETS.values())
    total = LONG if long else SHORT
    jobs = [(name, -(-total * target.share // all_shares), False) for name, target in TARGETS.items()]
    jobs += [(name, DRAWN_LONG if long else DRAWN_SHORT, True) for name in DRAWN]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        meeting = pool.submit(_monsters, kept)
        found = list(
            pool.map(lambda job: _fuzz(*job, seed=seed, kept=kept), sorted(jobs, key=lambda job: -job[1]))
        )
        found.append(meeting.result())
    inputs = sum(one.inputs for one in found)
    enough = inputs >= total
    order = {name: place for place, name in enumerate(TARGETS)}
    found.sort(key=lambda one: (order.get(one.target, len(order)), one.by))
    rows: list[Sequence[object]] = [
        (one.target, one.by, one.inputs, one.claim, one.wrong or one.note or "held", verdict(not one.wrong))
        for one in found
    ]
    rows.append(("all", "", inputs, f"at least {total:,}", "", verdict(enough)))
    broken = any(one.wrong for one in found)
    return Proof(
        name="fuzz",
        title=f"{inputs:,} hostile inputs: no crash, no hang, no row unaccounted for, no path outside the lake",
        columns=COLUMNS,
        rows=rows,
        holds=enough and not broken,
        seed=seed,
        numeric=("inputs",),
        notes=[
            "By coverage: atheris (libFuzzer), guided by the lines that an input reaches in tally_pipeline. By"
            " property: hypothesis. Each target in a process of its own, which may die of it: a crash, 30 s for one"
            " input or 3 GB are caught from outside.",
            f"Inputs that broke something are kept below {kept}." if broken else "No input broke anything.",
        ],
    )


def _fuzz(name: str, runs: int, drawn: bool, *, seed: int, kept: Path) -> Fuzzed:
    by = "property" if drawn else "coverage"
    keep = kept / f"{name}-{by}"
    keep.mkdir()
    command = ["proof.fuzzing.fuzz", name, "--runs", str(runs), "--seed", str(seed), "--keep", str(keep)]
    ended, said = _child([*command, "--drawn"] if drawn else command, keep)
    claim = TARGETS[name].claim
    told = re.findall(r"Done (\d+) runs|number_of_executed_units: (\d+)", said)
    inputs = max((int(one or other) for one, other in told), default=0)
    if ended == 0 and inputs >= runs // 2:
        return Fuzzed(name, by, inputs, claim)
    if "No module named 'atheris'" in said:
        return Fuzzed(
            name, by, 0, claim, "not tried: atheris is not installed; benchmarks/requirements.lock has it"
        )
    inputs_kept = [
        path for path in keep.iterdir() if re.match(r"(crash|timeout|oom|slow-unit)-|last$", path.name)
    ]
    where = f"; its input: {inputs_kept[0]}" if inputs_kept else f"; see {keep / 'said'}"
    return Fuzzed(name, by, inputs, claim, f"{_last_error(said) or f'ended with {ended}'}{where}")


def _monsters(kept: Path) -> Fuzzed:
    keep = kept / "monsters"
    keep.mkdir()
    ended, said = _child(["proof.fuzzing.pathological_inputs"], keep)
    met = re.findall(r"^meets (.*)$", said, re.MULTILINE)
    broken = re.findall(r"^BROKEN (.*)$", said, re.MULTILINE)
    claim = (
        "Each costs nothing but itself: the sound rows around it are published, every row is accounted for"
    )
    wrong = "; ".join(broken)
    if ended not in (0, 1):
        wrong += f" the process died ({ended}) of {met[-1] if met else 'nothing yet'}"
    return Fuzzed(
        "monsters", "hand", len(met), claim, wrong, "10 MB, 10,000 deep, NaN, huge, surrogates, doubles"
    )


def _child(command: Sequence[str], keep: Path) -> tuple[int, str]:
    """The exit code (negative: the signal that killed it) and everything it said."""
    with (keep / "said").open("wb") as said:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[1],
                env={**os.environ, "HOME": str(keep), "TMPDIR": str(keep)},
                timeout=CHILD_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            ended = -9
    return ended, (keep / "said").read_text(errors="replace")


def _last_error(said: str) -> str:
    """The line that says what escaped, and where it came from."""
    errors = re.findall(
        r"^(?:[\w.]*(?:Error|Exception|Exit|Interrupt)\b.*|==\d+== ERROR: .*)$", said, re.MULTILINE
    )
    places = re.findall(r'^\s+File "[^"]*/((?:tally_pipeline|proof)/[^"]*)", line (\d+)', said, re.MULTILINE)
    at = " at {}:{}".format(*places[-1]) if places else ""
    return f"{errors[0][:300]}{at}" if errors else ""
