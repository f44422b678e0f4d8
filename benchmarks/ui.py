"""Dagster as its UI talks to it: GraphQL on a port of this machine, and backfills launched through it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import dagster as dg
import requests

from benchmarks.processes import BenchmarkError, until

_LOCATIONS = "{ workspaceOrError { __typename } }"
_LAUNCH = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_PROGRESS = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status runs { runId startTime endTime } error { message } }
  ... on Error { message } } }"""
_ENDED = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


class Graphql:
    """Dagster's GraphQL on a port of this machine."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"
        self._session = requests.Session()
        self._session.trust_env = False

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The reply's `data`; raises `BenchmarkError` when Dagster refuses, `RequestException` when it is silent."""
        reply = self._session.post(
            self._url, json={"query": query, "variables": variables}, timeout=60
        ).json()
        if "errors" in reply:
            raise BenchmarkError(f"Dagster refused: {reply['errors']}")
        data: dict[str, Any] = reply["data"]
        return data

    def answers(self) -> bool | None:
        """True once Dagster is there; None until then."""
        try:
            self.ask(_LOCATIONS)
        except requests.RequestException:
            return None
        return True

    def backfill(
        self, assets: Sequence[dg.AssetKey], days: Sequence[str], *, seconds: float
    ) -> dict[str, Any]:
        """Launch a backfill and wait for its end: `status`, `error`, `runs` with `runId`, `startTime`, `endTime`."""
        params = {
            "assetSelection": [{"path": key.path} for key in assets],
            "partitionNames": list(days),
            "title": "benchmark",
        }
        launched = self.ask(_LAUNCH, params=params)["launchPartitionBackfill"]
        if "backfillId" not in launched:
            raise BenchmarkError(f"the backfill was not launched: {launched}")
        backfill_id = launched["backfillId"]
        return until("the backfill", lambda: self._ended(backfill_id), seconds=seconds, every=0.5)

    def _ended(self, backfill_id: str) -> dict[str, Any] | None:
        progress: dict[str, Any] = self.ask(_PROGRESS, id=backfill_id)["partitionBackfillOrError"]
        return progress if progress["status"] in _ENDED else None


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
