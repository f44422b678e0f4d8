"""Replays recorded TMDB replies byte for byte in place of the invented world."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from tally_pipeline.tmdb.sandbox.replies import JSON, Reply, error, page_number, show_of, with_body

REPLAY_HEADER = "X-Tally-Replay"
"""Names the reply that was sent in place of the requested recording."""

_REPLAYED_HEADERS = ("Content-Type", "Date", "Cache-Control", "Age", "ETag")
# These choose among recordings or mean nothing to them; any other parameter must be the recording's own.
_LOOSE_PARAMETERS = {"page", "language", "timezone", "api_key"}
_STANDS_IN = {"/trending/tv/day": "/trending/tv/week", "/trending/tv/week": "/trending/tv/day"}


class RecordingsError(ValueError):
    """The recordings cannot be replayed; the message gives the reason and the available recordings."""


@dataclass(frozen=True)
class _Recording:
    path: str
    query: Mapping[str, str]
    reply: Reply

    @property
    def page(self) -> int:
        return int(self.query.get("page", "1"))


class Recordings:
    """One snapshot of a folder of recordings: `index.jsonl`, one recording a line, and the bodies it names.

    `beyond` is the answer to an unrecorded page of a list with other recorded pages: "end", an empty page whose
    totals are those of the recorded pages; "error", a 404. Raises `RecordingsError` when the folder,
    the index, the snapshot or a body is not there.
    """

    def __init__(self, directory: Path, snapshot: str, beyond: Literal["end", "error"] = "end") -> None:
        self.snapshot = snapshot
        self._beyond = beyond
        self._by_path: dict[str, list[_Recording]] = {}
        for entry in _entries(directory, snapshot):
            recording = _recording(directory, entry)
            self._by_path.setdefault(recording.path, []).append(recording)

    def respond(self, path: str, query: Mapping[str, str]) -> Reply:
        """The recorded reply to a GET of `path` (below `/3`), or its substitute, which the headers name."""
        if show_of(path) and query.get("append_to_response"):
            return self._appended(path, query)
        stand_in = _STANDS_IN.get(path)
        if path not in self._by_path and stand_in in self._by_path:
            reply = self._recorded(stand_in, query)
            already = reply.headers.get(REPLAY_HEADER)
            replay = stand_in.lstrip("/") + (f"; {already}" if already else "")
            return Reply(reply.status, {**reply.headers, REPLAY_HEADER: replay}, reply.body)
        return self._recorded(path, query)

    def _appended(self, path: str, query: Mapping[str, str]) -> Reply:
        """The recording of just this request, else the recorded details with the recorded parts, byte for byte."""
        whole = self._recorded(path, query)
        if REPLAY_HEADER not in whole.headers:
            return whole
        alone = {name: value for name, value in query.items() if name != "append_to_response"}
        parts = {
            part: self._recorded(f"{path}/{part}", alone)
            for part in dict.fromkeys(query["append_to_response"].split(","))
            if part
        }
        found = {part: reply for part, reply in parts.items() if reply.status == 200}
        details = self._recorded(path, alone)
        unrecorded = [part for part in parts if part not in found]
        if REPLAY_HEADER in details.headers:
            if not found:
                return details
            first = next(iter(found.values()))
            show, _ = show_of(path) or (0, "")
            details = Reply(200, first.headers, msgspec.json.encode({"id": show}))
            unrecorded.insert(0, "details")
        elif details.status != 200:
            return details
        spliced = [b"," + msgspec.json.encode(part) + b":" + reply.body for part, reply in found.items()]
        body = details.body[: details.body.rindex(b"}")] + b"".join(spliced) + b"}"
        replay = f"spliced: {', '.join(found) or 'nothing'}"
        if unrecorded:
            replay += f"; not-recorded: {', '.join(unrecorded)}"
        return with_body(Reply(200, {**details.headers, REPLAY_HEADER: replay}, body), body)

    def _recorded(self, path: str, query: Mapping[str, str]) -> Reply:
        page = page_number(query)
        if page is None:
            return error(22)
        binding = _binding(query)
        fitting = [entry for entry in self._by_path.get(path, ()) if _binding(entry.query) == binding]
        if not fitting:
            return error(34, headers={REPLAY_HEADER: "not-recorded"})
        of_page = [entry for entry in fitting if entry.page == page]
        if of_page:
            language = query.get("language", "")
            return min(of_page, key=lambda entry: _distance(entry.query.get("language"), language)).reply
        if self._beyond == "error":
            return error(34, headers={REPLAY_HEADER: "not-recorded"})
        return _end_of_list(page, fitting)


def _entries(directory: Path, snapshot: str) -> Sequence[Mapping[str, Any]]:
    index = directory / "index.jsonl"
    try:
        lines = index.read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise RecordingsError(
            f"no recordings in {directory}: cannot read {index.name} ({problem.strerror}); "
            f"--recordings names the folder that holds it"
        ) from problem
    try:
        entries = [json.loads(line) for line in lines if line.strip()]
        snapshots = sorted({entry["snapshot"] for entry in entries})
    except (ValueError, KeyError, TypeError) as problem:
        raise RecordingsError(f"{index} is not an index of recordings: {problem!r}") from problem
    if snapshot not in snapshots:
        raise RecordingsError(
            f"there is no snapshot {snapshot!r} in {directory}; there are: {', '.join(snapshots)}"
        )
    return [entry for entry in entries if entry["snapshot"] == snapshot]


def _recording(directory: Path, entry: Mapping[str, Any]) -> _Recording:
    try:
        body = (directory / entry["body"]).read_bytes()
        recorded = {name.lower(): str(value) for name, value in entry["headers"].items()}
        headers = {name: recorded[name.lower()] for name in _REPLAYED_HEADERS if name.lower() in recorded}
        return _Recording(entry["path"], entry["query"], Reply(entry["status"], headers, body))
    except OSError as problem:
        raise RecordingsError(
            f"cannot read the recorded body {problem.filename}: {problem.strerror}"
        ) from problem
    except KeyError as problem:
        raise RecordingsError(f"an entry of {directory / 'index.jsonl'} lacks {problem}") from problem


def _binding(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in _LOOSE_PARAMETERS}


def _distance(recorded: str | None, requested: str) -> int:
    """The rank of a recording's language: the requested one, none at all, a related one, another."""
    if recorded == requested:
        return 0
    if recorded is None:
        return 1
    return 2 if recorded.split("-")[0] == requested.split("-")[0] else 3


def _end_of_list(page: int, recorded: Sequence[_Recording]) -> Reply:
    by_page = {entry.page: entry for entry in recorded}
    rows = sum(_row_count(entry.reply.body) for entry in by_page.values())
    body = msgspec.json.encode(
        {"page": page, "results": [], "total_pages": len(by_page), "total_results": rows}
    )
    return Reply(200, {"Content-Type": JSON, REPLAY_HEADER: "end-of-list"}, body)


class _Rows(msgspec.Struct):
    results: list[msgspec.Raw] = []


def _row_count(body: bytes) -> int:
    try:
        return len(msgspec.json.decode(body, type=_Rows).results)
    except msgspec.DecodeError:
        return 0
