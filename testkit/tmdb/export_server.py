"""A real file server of daily exports on 127.0.0.1, to be scripted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import date

from testkit.tmdb.scripted_server import Answer, ScriptedServer, Seen


def line(show_id: int, name: str = "A Show", popularity: float = 1.5) -> bytes:
    """A line of an export as TMDB writes it."""
    row = {"id": show_id, "original_name": name, "popularity": popularity}
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def file_of(lines: Iterable[bytes]) -> bytes:
    """An export of these lines."""
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0)


def shows(count: int, first: int = 1) -> bytes:
    """An export of `count` shows, the first the most popular."""
    return file_of(line(first + i, f"Show {first + i}", float(count - i)) for i in range(count))


class ExportServer(ScriptedServer):
    """Serves the files put on it by day; for a day without one it answers `absent`.

    `first[day]` are answers given before the file, one a request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.first: dict[str, list[Answer]] = {}
        self.absent = Answer(b"<Error><Code>NoSuchKey</Code></Error>", status=404)

    def put(self, day: date, body: bytes) -> None:
        self.files[self.path(day)] = body

    def script_for(self, day: date, *answers: Answer) -> None:
        self.first[self.path(day)] = list(answers)

    def asked(self, day: date) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == self.path(day)]

    @staticmethod
    def path(day: date) -> str:
        return f"/p/exports/tv_series_ids_{day:%m_%d_%Y}.json.gz"

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        if self.first.get(seen.path):
            return self.first[seen.path].pop(0)
        body = self.files.get(seen.path)
        return self.absent if body is None else Answer(body, headers={"ETag": '"abc"', "X-Other": "no"})
