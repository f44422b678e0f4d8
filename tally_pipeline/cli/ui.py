"""Dagster's UI as a program sees it: GraphQL over HTTP on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

LOCATION = "tally_pipeline.definitions"
"""The name `dagster dev` gives the code as well: the state of schedules and sensors hangs on it."""

_LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
  locationOrLoadError { __typename ... on PythonError { message } } } } } }"""

_RELOAD = """mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) {
  __typename ... on Error { message } } }"""

_LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on Error { message }
  ... on RunConfigValidationInvalid { errors { message } } } }"""


class UiError(Exception):
    """The UI refused what it was asked for; the message says what and why."""


class Ui:
    """The UI on a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        # A proxy for the internet knows nothing of this machine.
        self._session.trust_env = False

    def run_url(self, run_id: str) -> str:
        return f"{self.url}/runs/{run_id}"

    def is_ready(self) -> bool:
        """Whether the UI answers and has loaded the code."""
        try:
            entries = self._ask(_LOADED)["workspaceOrError"]["locationEntries"]
        except requests.RequestException:
            return False
        found = [(entry["locationOrLoadError"] or {}).get("__typename") for entry in entries]
        return bool(found) and set(found) == {"RepositoryLocation"}

    def reload(self) -> None:
        """Load the code anew, and with it where the partitions begin. Raises `UiError`."""
        try:
            reply = self._ask(_RELOAD, {"name": LOCATION})["reloadRepositoryLocation"]
        except requests.RequestException as error:
            raise UiError(f"the UI did not answer when asked to reload the code: {error}") from None
        if reply["__typename"] != "WorkspaceLocationEntry":
            raise UiError(f"the UI did not reload the code: {reply['__typename']}, {reply.get('message')}")

    def launch(self, job: str, tags: Mapping[str, str]) -> str:
        """Launch a run of a job; returns its id. Raises `UiError`."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": job,
        }
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "mode": "default", "executionMetadata": metadata}
        try:
            reply = self._ask(_LAUNCH, {"params": params})["launchRun"]
        except requests.RequestException as error:
            raise UiError(f"the UI did not answer when asked to launch {job}: {error}") from None
        if reply["__typename"] != "LaunchRunSuccess":
            reasons = reply.get("message") or [error["message"] for error in reply.get("errors", [])]
            raise UiError(f"the UI refused to launch {job}: {reply['__typename']}, {reasons}")
        run_id: str = reply["run"]["runId"]
        return run_id

    def _ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        response = self._session.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables or {}}, timeout=30
        )
        response.raise_for_status()
        data: dict[str, Any] = response.json()["data"]
        return data
