"""A client of Dagster's UI: GraphQL over HTTP on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from dagster import AssetKey

ANSWER_SECONDS = 30.0
RELOAD_SECONDS = 180.0
"""Timeout in seconds: a new process imports the code before Dagster answers."""

LOCATION = "tally_pipeline.definitions"
"""The code location's name, as in `dagster dev`: the state of schedules and sensors depends on it."""

_LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
  locationOrLoadError { __typename ... on PythonError { message } } } } } }"""

_LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on Error { message }
  ... on RunConfigValidationInvalid { errors { message } } } }"""


_RELOAD = """mutation ($location: String!) { reloadRepositoryLocation(repositoryLocationName: $location) {
  __typename
  ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
  ... on Error { message } } }"""


class UiError(Exception):
    """The UI refused a request; the message says which and why."""


class Ui:
    """The UI on a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        # A proxy for the internet does not reach this machine.
        self._session.trust_env = False

    def run_url(self, run_id: str) -> str:
        return f"{self.url}/runs/{run_id}"

    def is_ready(self) -> bool:
        """True if the UI answers and has loaded the code."""
        try:
            entries = self._ask(_LOADED)["workspaceOrError"]["locationEntries"]
        except (requests.RequestException, UiError):
            return False
        found = [(entry["locationOrLoadError"] or {}).get("__typename") for entry in entries]
        return bool(found) and set(found) == {"RepositoryLocation"}

    def reload(self) -> None:
        """Reload the code, with its changes in the UI. Raises `UiError`."""
        told = self._told("reload the code", _RELOAD, {"location": LOCATION}, timeout=RELOAD_SECONDS)
        reply = told["reloadRepositoryLocation"]
        found = reply.get("locationOrLoadError") or reply
        if found["__typename"] != "RepositoryLocation":
            raise UiError(
                f"the code could not be loaded again: {found.get('message') or found['__typename']}"
            )

    def launch(self, job: str, tags: Mapping[str, str], assets: Sequence[AssetKey] | None = None) -> str:
        """Launch a run of a job, or of some of its assets only; returns its id. Raises `UiError`."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": job,
            **({} if assets is None else {"assetSelection": [{"path": list(key.path)} for key in assets]}),
        }
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "mode": "default", "executionMetadata": metadata}
        reply = self._told(f"launch {job}", _LAUNCH, {"params": params})["launchRun"]
        if reply["__typename"] != "LaunchRunSuccess":
            reasons = reply.get("message") or [error["message"] for error in reply.get("errors", [])]
            raise UiError(f"the UI refused to launch {job}: {reply['__typename']}, {reasons}")
        run_id: str = reply["run"]["runId"]
        return run_id

    def _told(
        self, what: str, query: str, variables: Mapping[str, Any], timeout: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        """The answer to a mutation; `what` describes it in words. Raises `UiError`."""
        try:
            return self._ask(query, variables, timeout)
        except requests.RequestException as error:
            raise UiError(f"the UI did not answer when asked to {what}: {error}") from None

    def _ask(
        self, query: str, variables: Mapping[str, Any] | None = None, timeout: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        response = self._session.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables or {}}, timeout=timeout
        )
        response.raise_for_status()
        reply: dict[str, Any] = response.json()
        if reply.get("data") is None:
            raise UiError(f"the UI could not answer: {reply.get('errors') or 'it says not why'}")
        data: dict[str, Any] = reply["data"]
        return data
