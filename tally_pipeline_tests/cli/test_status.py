"""What `tally status` says of the daemon."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
from dagster._daemon.types import DaemonHeartbeat

from tally_pipeline.cli import status
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.orchestration.runs import dagster_home
from testkit.pipeline import environment


def test_a_daemon_that_was_stopped_is_down_at_once_and_up_when_it_beats_again(tmp_path: Path) -> None:
    settings = load_settings(environment(tmp_path), dotenv=None)

    def is_up(instance: dg.DagsterInstance) -> bool:
        return bool(status.collect(deploy(settings), instance)["automation"]["daemon"])

    with dagster_home.opened(settings) as instance:

        def beat() -> None:
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "it", []))

        assert not is_up(instance)
        beat()
        assert is_up(instance)
        dagster_home.mark_stopped(settings)
        assert not is_up(instance)
        time.sleep(0.02)
        beat()
        assert is_up(instance)
