"""What `tally sync` makes of every fault of the sandbox: each outcome by name, and nothing lost in any."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb.sandbox import FAULTS, Sandbox, parse_fault
from tally_pipeline_tests.assets.pipeline import (
    CHECKS,
    POPULAR,
    assert_sound,
    contents,
    day,
    environment,
    footer_of,
    outcome_of,
)
from tally_pipeline_tests.cli import tally

PAGES = 3


@dataclass(frozen=True)
class Outcome:
    """How a sync ends. `verdict` is the capture's, None when there is none.

    `checks` are those that did not pass; every other that is due must. `says` is in the error that people read.
    """

    name: str
    verdict: str | None = "complete"
    published: bool = True
    retried: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    rows: int = 20 * PAGES
    quarantined: int = 0
    repeats: int = 0
    new_fields: tuple[str, ...] = ()


HEALS = Outcome("a retry gets the page: published", retried=True)
UNHARMED = Outcome("published at the first attempt")


def partial(page: int, *, retried: bool = True, rows: int = 40) -> Outcome:
    return Outcome(
        "what came is kept in bronze as partial, nothing is published",
        verdict="partial",
        published=False,
        retried=retried,
        checks={"page_set_complete": "failed"},
        says=f"of 3 pages came back; missing: {page}",
        rows=rows,
    )


def refused(says: str, *, retried: bool = True) -> Outcome:
    return Outcome("no capture", verdict=None, published=False, retried=retried, says=says, rows=0)


def rejected(share: str, quarantined: int, **checks: str) -> Outcome:
    return Outcome(
        "below the bar: quarantined, not published",
        published=False,
        checks={"pass_rate": "failed", **checks},
        says=rf"{share} % of 60 rows keep every rule; 95 % must.*The day's last good file stays",
        quarantined=quarantined,
    )


EMPTY = Outcome(
    "an empty capture is kept, never published",
    verdict="empty",
    published=False,
    checks={"not_empty": "failed", "page_set_complete": "failed"},
    says="holds no rows. Silver keeps its last good file",
    rows=0,
)

OUTCOMES: Mapping[str, Mapping[str, Outcome]] = {
    "rate-limited": {
        "rate-limited:page=2,times=1,seconds=0.2": HEALS,
        "rate-limited:page=2,seconds=0.2": partial(2),
        "rate-limited:seconds=3600": refused(
            "asking to wait 3600 s.*Tally waits 120 s at most", retried=False
        ),
    },
    "rate-limited-date": {
        "rate-limited-date:page=2,times=1": HEALS,
        "rate-limited-date:page=2": partial(2),
        "rate-limited-date:seconds=3600": refused("asking to wait 3600 s", retried=False),
    },
    "rate-limited-silent": {
        "rate-limited-silent:page=2,times=1": HEALS,
        "rate-limited-silent": refused("HTTP 429, code 25.*after 2 attempts"),
    },
    "code-25": {
        "code-25:page=2,times=1": HEALS,
        "code-25:status=503,page=2,times=1": HEALS,
        "code-25": refused("HTTP 200, code 25.*Run it again later"),
    },
    "server-error": {
        "server-error:page=1,times=1": HEALS,
        "server-error:page=3": partial(3),
        "server-error": refused("HTTP 503.*after 2 attempts.*This usually passes: run it again later"),
    },
    "broken-page": {
        "broken-page:page=3": partial(3),
        "broken-page:page=1": refused("HTTP 503.*page 1"),
    },
    "timeout": {
        "timeout:page=2,times=1": HEALS,
        "timeout:page=2": partial(2),
        "timeout": refused("did not answer within 1 s.*Check the network"),
    },
    "slow": {"slow:seconds=0.3": UNHARMED},
    "reset": {
        "reset:page=2,times=1": HEALS,
        "reset:page=2": partial(2),
        "reset": refused("connection to TMDB failed.*Check the network"),
    },
    "truncated": {
        "truncated:page=2,times=1": HEALS,
        "truncated:page=3": partial(3),
        "truncated": refused("broke off"),
    },
    "wrong-length": {
        "wrong-length:page=2,times=1": HEALS,
        "wrong-length:page=2": partial(2),
        "wrong-length": refused(""),
    },
    "truncated-json": {
        "truncated-json:page=2,times=1": HEALS,
        "truncated-json:page=2": partial(2),
        "truncated-json": refused("not with the page"),
    },
    "html": {
        "html:page=2,times=1": HEALS,
        "html:page=2": partial(2),
        "html": refused("HTTP 200, but not with the page: the reply is not a JSON object"),
    },
    "error-body": {
        "error-body:page=2,times=1": HEALS,
        "error-body": refused("HTTP 200, code 11: Internal error"),
        "error-body:code=34": refused("HTTP 200, code 34.*Check TMDB_BASE_URL", retried=False),
    },
    "empty": {"empty": EMPTY, "empty:page=2": partial(2)},
    "empty-page": {
        "empty-page:page=2,times=1": HEALS,
        "empty-page:page=2": partial(2),
    },
    "bad-rows": {
        "bad-rows:count=1,page=2": Outcome("the bad row is quarantined, the rest published", quarantined=1),
        "bad-rows:share=0.05": Outcome("at the bar it is published", quarantined=3),
        "bad-rows:share=0.1": rejected("90.00", 6),
    },
    "new-field": {
        "new-field": Outcome(
            "announced and published", checks={"fields_known": "warning"}, new_fields=("mood",)
        ),
    },
    "lost-field": {
        "lost-field": rejected("0.00", 60, fields_known="failed"),
        "lost-field:field=overview": Outcome("announced, null", checks={"fields_known": "warning"}),
        "lost-field:page=2": rejected("66.67", 20),
    },
    "retyped-field": {"retyped-field": rejected("0.00", 60)},
    "wrong-page": {
        "wrong-page:page=2,times=1": HEALS,
        "wrong-page:page=2": partial(2),
    },
    "same-rows": {
        "same-rows:page=2,times=1": HEALS,
        "same-rows:page=3": partial(3),
        "same-rows": Outcome(
            "every page but the first is missing, nothing is published",
            verdict="partial",
            published=False,
            retried=True,
            checks={"page_set_complete": "failed"},
            says="1 of 3 pages came back; missing: 2, 3 .*all of shows that earlier pages have",
            rows=20,
        ),
    },
    "repeats": {
        "repeats": Outcome("as far as lists drift: published", repeats=2),
        "repeats:count=2": Outcome("warned of, and published", checks={"repeats_rare": "warning"}, repeats=4),
        "repeats:count=9": Outcome(
            "more repeats than a list may have: not published",
            published=False,
            checks={"repeats_rare": "failed"},
            says=r"18 of 60 rows \(30\.0%\) repeat a show.*The day's last good file stays",
            repeats=18,
        ),
    },
    "wrong-totals": {
        "wrong-totals:pages_told=1,page=1": UNHARMED,
        "wrong-totals:pages_told=49000": UNHARMED,
        "wrong-totals": UNHARMED,
    },
    "unauthorized": {
        "unauthorized": refused("HTTP 401, code 7.*Check TMDB_API_TOKEN", retried=False),
        "unauthorized:page=2": partial(2, retried=False, rows=20),
    },
    "forbidden": {"forbidden": refused("HTTP 403, code 45.*Check TMDB_API_TOKEN", retried=False)},
}
"""Name of a fault -> the fault as on the command line -> what comes of it."""

FAST = {"broken-page:page=3", "unauthorized", "bad-rows:share=0.1"}
"""A partial, a refused and a rejected one; the other faults are left to the slow tests."""


def cases() -> Iterator[Any]:
    for of_fault in OUTCOMES.values():
        for text, outcome in of_fault.items():
            yield pytest.param(text, outcome, id=text, marks=[] if text in FAST else pytest.mark.slow)


class Home:
    """A home of Tally's with today's silver in its lake, put back as it was before each fault."""

    def __init__(self, folder: Path, good: tally.Ran) -> None:
        self.folder = folder
        self.lake = Lake(Store.in_folder(folder / "sandbox" / "lake"), "sandbox")
        self._good = shutil.copytree(self.lake.store.root, folder / "good")
        assert good.code == 0, good.err

    def restored(self) -> None:
        shutil.rmtree(self.lake.store.root)
        shutil.copytree(self._good, self.lake.store.root)


def _sync(folder: Path, base_url: str) -> tally.Ran:
    environ = environment(folder, base_url, TMDB_TIMEOUT_SECONDS="1")
    return tally.run(folder, environ, "sync", "--list", POPULAR.name, "--pages", str(PAGES), "--json")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    with Sandbox() as sandbox:
        return Home(folder, _sync(folder, sandbox.base_url))


@pytest.fixture(scope="module")
def history(home: Home) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home.folder / "sandbox" / "dagster")) as instance:
        yield instance


def test_every_fault_of_the_sandbox_has_an_expected_outcome() -> None:
    """Of every fault of the lists; those of the exports have tests of their own."""
    assert set(OUTCOMES) == {name for name, kind in FAULTS.items() if not kind.of_exports}


@pytest.mark.parametrize(("text", "outcome"), list(cases()))
def test_under_a_fault_the_sync_ends_as_expected_and_nothing_is_lost(
    text: str, outcome: Outcome, home: Home, history: dg.DagsterInstance
) -> None:
    home.restored()
    before = contents(home.lake)
    with Sandbox(faults=[parse_fault(text)]) as sandbox:
        ran = _sync(home.folder, sandbox.base_url)
    after = contents(home.lake)
    (told,) = ran.json.values()

    assert ran.code == (0 if outcome.published else 1)
    assert {name: told[name] for name in ("verdict", "published", "rows", "repeats", "quarantined")} == {
        "verdict": outcome.verdict,
        "published": outcome.published,
        "rows": outcome.rows,
        "repeats": outcome.repeats,
        "quarantined": outcome.quarantined,
    }
    assert tuple(told["new_fields"]) == outcome.new_fields
    assert re.search(outcome.says, told["error"] or "", re.DOTALL)
    assert (told["error"] is None) == outcome.published
    assert told["error"] is None or all(line in ran.err for line in told["error"].splitlines())

    assert_sound(home.lake)
    silver = layout.silver_key(POPULAR.name, day())
    assert (after[silver] == before[silver]) == (not outcome.published)
    assert {key: after.get(key) for key in before if key.startswith("bronze")} == {
        key: body for key, body in before.items() if key.startswith("bronze")
    }
    written = (key for key in after if before.get(key) != after[key])
    assert sorted(told["keys"]) == sorted(key for key in written if not key.startswith(("gold/", "reports/")))
    if outcome.published:
        footer = footer_of(home.lake, silver)
        assert [ref.key for ref in footer.bronze] == [told["keys"][0]]
        assert told["silver_rows"] == footer.counts.silver_rows
        assert footer.counts.silver_rows == outcome.rows - outcome.repeats - outcome.quarantined

    assert _audit(home) == 0
    run = history.get_run_by_id(told["run_id"])
    assert run is not None
    assert run.is_success == outcome.published
    assert _checks(history, told["run_id"]) == _expected_checks(outcome)
    asked = len(sandbox.requests)
    pages_asked = len({request.query["page"] for request in sandbox.requests})
    assert (asked > pages_asked) == outcome.retried


def _audit(home: Home) -> int:
    return tally.run(home.folder, {"TALLY_HOME": str(home.folder)}, "audit").code


def _checks(history: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """Results of one run's checks, down to the table; the standing ones look at more than the run."""
    found = {}
    for entry in history.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        assert entry.dagster_event is not None
        evaluated = entry.dagster_event.asset_check_evaluation_data
        layer = evaluated.asset_key.path[0]
        if evaluated.partition is not None and layer in ("bronze_shows", "silver_shows", "athena"):
            assert evaluated.partition == day()
            found[evaluated.check_name] = outcome_of(evaluated)
    return found


def _expected_checks(outcome: Outcome) -> dict[str, str]:
    layers = {None: [], "partial": ["bronze"], "empty": ["bronze"], "complete": ["bronze", "silver"]}
    due = {name for layer in layers[outcome.verdict] for name in CHECKS[layer]}
    if outcome.published:
        due |= CHECKS["table"]
    return dict.fromkeys(due, "passed") | dict(outcome.checks)
