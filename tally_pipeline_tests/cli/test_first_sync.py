"""The first sync is launched until it starts, and the terminal says why it did not."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from tally_pipeline.cli.up.first_sync import launch_export, sync_today
from tally_pipeline.cli.up.ui import Ui
from tally_pipeline.deployment import load_settings
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import common
from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from testkit.pipeline import POPULAR, Pipeline, day, environment

RUN_ID = "0b7f6f6e-4b8e-4f6e-9d41-31d1b3a7a0aa"
REFUSED = {"__typename": "PythonError", "message": "the code server [is] busy"}
WRONG_PARTITION = {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "no such field"}]}


def launched(run_id: str = RUN_ID) -> dict[str, Any]:
    return {"__typename": "LaunchRunSuccess", "run": {"runId": run_id}}


class Answers:
    """What a UI says when it is asked to launch something, one after the other; `asked` are the jobs."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.left = list(answers)
        self.asked: list[str] = []


@contextmanager
def ui(answers: Answers) -> Iterator[Ui]:
    """A server on loopback in Dagster's place."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers.asked.append(asked["variables"]["params"]["selector"]["jobName"])
            body = json.dumps({"data": {"launchRun": answers.left.pop(0)}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Ui(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def steady() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def pipeline(tmp_path: Path, steady: Sandbox) -> Iterator[Pipeline]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Pipeline.at(tmp_path, instance, steady.base_url)


def synced(pipeline: Pipeline, answers: Answers) -> tuple[bool, str, list[float]]:
    """Whether it got there, what it said, and for how long it waited between (s)."""
    said, waits = io.StringIO(), list[float]()
    with ui(answers) as server:
        words = Console(file=said, width=200, soft_wrap=True)
        settings = pipeline.deployment.settings
        there = sync_today(settings, pipeline.instance, server, waits.append, words)
    return there, said.getvalue(), [wait for wait in waits if wait >= 1]


def started(pipeline: Pipeline) -> str:
    """The id of a sync that ran."""
    assert pipeline.run(assets=[common.bronze_key(POPULAR)], run_id=RUN_ID).success
    return RUN_ID


def test_a_sync_that_is_refused_is_launched_again_and_each_time_it_says_why(pipeline: Pipeline) -> None:
    answers = Answers(REFUSED, WRONG_PARTITION, launched(started(pipeline)))
    there, said, waits = synced(pipeline, answers)
    assert there
    assert waits == [2, 4]
    assert (
        "The first sync did not start: the UI refused to launch sync: PythonError, the code server [is] busy"
        in said
    )
    assert "no such field" in said
    assert "It is tried again in 2 s." in said
    assert "It is tried again in 4 s." in said
    assert f"Sync of {day()}: " in said


def test_a_sync_that_is_always_refused_is_given_up_and_the_remedy_is_named(pipeline: Pipeline) -> None:
    there, said, waits = synced(pipeline, Answers(*[REFUSED] * 5))
    assert not there
    assert waits == [2, 4, 8, 16]
    assert "It was tried 5 times: launch the job sync in the UI." in said


def test_a_run_that_ended_before_a_step_began_is_launched_again(pipeline: Pipeline) -> None:
    job = pipeline.definitions.resolve_job_def(automation.sync.name)
    dead = pipeline.instance.create_run_for_job(job)
    pipeline.instance.report_run_failed(dead, "The run worker could not be started.")
    there, said, waits = synced(pipeline, Answers(launched(dead.run_id), launched(started(pipeline))))
    assert there
    assert waits == [2]
    assert "The first sync did not start: The run worker could not be started. It is tried again" in said


def test_where_nobody_answers_it_says_so(pipeline: Pipeline) -> None:
    said = io.StringIO()
    words = Console(file=said, width=200, soft_wrap=True)
    settings = pipeline.deployment.settings
    assert not sync_today(settings, pipeline.instance, Ui(1), lambda _: None, words)
    assert said.getvalue().count("the UI did not answer when asked to launch sync") == 5


@pytest.mark.parametrize("there", [True, False])
def test_the_export_is_launched_where_it_can_be_had_and_else_it_is_said_who_looks_for_it(
    tmp_path: Path, there: bool
) -> None:
    said, answers = io.StringIO(), Answers(launched())
    faults = [] if there else [parse_fault("missing-export")]
    with Sandbox(faults=faults) as sandbox, ui(answers) as server:
        settings = load_settings(environment(tmp_path, sandbox.base_url), dotenv=None)
        launch_export(settings, server, Console(file=said, width=200, soft_wrap=True))
    assert answers.asked == (["capture_export"] if there else [])
    told = "is downloaded and refined" if there else "the schedule daily_export looks for it"
    assert told in said.getvalue()
