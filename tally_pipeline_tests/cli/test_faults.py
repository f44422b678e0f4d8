"""What `tally sync` makes of every fault of the sandbox: each outcome by name, and nothing lost in any."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb.sandbox import FAULTS, Sandbox, parse_fault
from testkit import tally
from testkit.pipeline import CHECKS, POPULAR, assert_sound, contents, day, environment, footer_of, outcome_of
from testkit.tmdb.fault_outcomes import OUTCOMES, PAGES, Outcome

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
