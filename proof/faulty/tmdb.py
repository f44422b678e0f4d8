"""TMDB's faults: every one of the sandbox's alone, and in pairs."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from proof.cases import PAGES, BrokenError, Case, Home, demand, glimpse
from tally_pipeline import clock
from tally_pipeline.datasets import SERIES
from tally_pipeline.datasets.captures import capture_keys
from tally_pipeline.datasets.series import SeriesFooter
from tally_pipeline.datasets.shows import stored
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.sandbox import FAULTS, Sandbox, parse_fault
from testkit.pipeline import POPULAR, Pipeline, day
from testkit.tmdb.fault_outcomes import OUTCOMES, Outcome

SIDE = "TMDB"
PAIR_SECONDS = 120
"""The most seconds of a sync of three pages under any two faults: timeouts of a second, two attempts."""

_EXPORTS = {
    "missing-export": (False, "of a past day: refused, the message names the day", "has no export of"),
    "broken-gzip": (False, "not kept at all, the message says what is broken", "gzip is broken"),
    "bad-lines": (True, "the bad lines are quarantined with their reasons, the rest published", ""),
    "fewer-lines": (True, "published where there is no day before to hold it against", ""),
}
"""Name -> whether it is published, what must happen, what the failure says."""


def alone(home: Home, *, long: bool, heals: bool = True) -> Iterator[Case]:
    """Every fault of the sandbox, in the short form each at its worst. `heals`: also the sync that comes next."""
    for texts in OUTCOMES.values():
        for text in texts if long else [list(texts)[-1]]:
            yield Case(SIDE, text, _must(texts[text]), _Alone(home, text, texts[text], heals))
    for name, (published, must, says) in _EXPORTS.items():
        yield Case(SIDE, name, must, _OfExports(home, name, published, says))


def pairs(home: Home, seed: int) -> Case:
    """Every two faults of the lists at once, on pages and as often as the seed says."""
    dice = random.Random(seed)
    names = [name for name, kind in FAULTS.items() if not kind.of_exports]
    drawn = [(_placed(one, dice), _placed(other, dice)) for one, other in combinations(names, 2)]
    must = (
        f"within {PAIR_SECONDS} s: TMDB's own rows published, or the last good file kept and the reason said;"
        " nothing lost; the next sync is whole"
    )
    return Case(SIDE, f"{len(drawn)} pairs of them at once", must, lambda: _in_pairs(home, drawn))


def _must(outcome: Outcome) -> str:
    said = f"; says “{outcome.says}”" if outcome.says else ""
    return f"{outcome.name}{said}"


class _Alone:
    def __init__(self, home: Home, text: str, outcome: Outcome, heals: bool) -> None:
        self.home, self.text, self.outcome, self.heals = home, text, outcome, heals

    def __call__(self) -> str:
        home, outcome = self.home, self.outcome
        home.restore()
        before = set(home.lake.bronze_keys(POPULAR.name))
        found = home.sync(self.text)
        demand(found.published == outcome.published, f"published: {found.published}. {glimpse(found.said)}")
        demand(re.search(outcome.says, found.said, re.DOTALL), f"says: {glimpse(found.said, 300)}")
        demand(bool(found.said) == (not outcome.published), f"says: {glimpse(found.said)}")
        home.nothing_lost(published=outcome.published, truthful=self.text != "lost-field:field=overview")
        captured = set(home.lake.bronze_keys(POPULAR.name)) - before
        verdicts = [stored.read_bronze(home.lake, key).metadata.verdict for key in captured]
        demand(verdicts == [outcome.verdict] * (outcome.verdict is not None), f"bronze holds {verdicts}")
        if self.heals and not outcome.published:
            home.heals()
        what = f"published after {found.asked} requests" if found.published else "last good file kept"
        kept = f"bronze {verdicts[0]}" if verdicts else "no capture"
        return f"{what}; {kept}; {glimpse(found.said) or 'no error'}"


class _OfExports:
    def __init__(self, home: Home, name: str, published: bool, says: str) -> None:
        self.home, self.name, self.published, self.says = home, name, published, says

    def __call__(self) -> str:
        home, past = self.home, day(3)
        home.restore()
        assets = [common.bronze_key(SERIES), common.silver_key(SERIES)]
        with Sandbox(faults=[parse_fault(self.name)]) as sandbox:
            pipeline = Pipeline.at(home.folder, home.instance, sandbox.base_url, TMDB_TIMEOUT_SECONDS="30")
            results = [
                pipeline.run("capture_export", on=past),
                pipeline.run("refine", assets=assets[1:], on=past),
            ]
        success = all(result.success for result in results)
        said = " ".join(
            str(event.step_failure_data.user_failure_data or event.step_failure_data.error)
            for result in results
            for event in result.all_events
            if event.is_step_failure
        )
        demand(success == self.published, f"published: {success}. {glimpse(said)}")
        demand(self.says in said, f"says: {glimpse(said, 300)}")
        kept = capture_keys(home.lake, SERIES, past)
        demand(len(kept) == self.published, f"bronze holds {kept}")
        home.nothing_lost(published=False)
        if not self.published:
            return f"nothing kept, nothing published; {glimpse(self.says)}"
        footer = home.lake.footer_if_ours(SERIES.silver_key(past), SeriesFooter)
        demand(footer is not None and footer.counts.balanced, "the row counts do not balance")
        assert footer is not None
        counts = footer.counts
        return f"{counts.lines:,} lines = {counts.silver_rows:,} published + {counts.quarantined} quarantined"


def _placed(name: str, dice: random.Random) -> str:
    where = dice.choice([f"page={dice.randint(1, PAGES)}", f"pages=1-{PAGES}"])
    often = dice.choice(["", "", ",times=1"])
    quick = {"rate-limited": ",seconds=0.2", "rate-limited-date": ",seconds=1", "slow": ",seconds=0.3"}
    return f"{name}:{where}{often}{quick.get(name, '')}"


def _in_pairs(home: Home, drawn: list[tuple[str, str]]) -> str:
    ends: Counter[str] = Counter()
    slowest, wrong = 0.0, []
    for pair in drawn:
        home.restore()
        try:
            ended, seconds = _under(home, *pair)
        except AssertionError as error:
            wrong.append(f"{' and '.join(pair)}: {error}")
            continue
        ends[ended] += 1
        slowest = max(slowest, seconds)
    if wrong:
        raise BrokenError(f"{len(wrong)} of {len(drawn)}: {'; '.join(wrong[:5])}")
    told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    return f"{told}; slowest {slowest:.0f} s"


def _under(home: Home, *faults: str) -> tuple[str, float]:
    found = home.sync(*faults)
    demand(found.seconds < PAIR_SECONDS, f"took {found.seconds:.0f} s")
    demand(found.published or found.said, "did not publish and did not say why")
    demand("Traceback" not in found.said, f"shows a traceback: {glimpse(found.said)}")
    home.nothing_lost(published=found.published)
    captures = len(home.lake.bronze_keys(POPULAR.name, clock.today().isoformat()))
    if not found.published:
        home.heals()
    end = "published" if found.published else "kept and not published" if captures > 1 else "refused"
    return end, found.seconds
