"""Claims about any names, messages, settings and SQL."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from proof.fuzzing import generators
from proof.fuzzing.properties_of_data import DT, SECRET
from tally_pipeline.aws.session import Aws
from tally_pipeline.bronze import list_capture
from tally_pipeline.datasets import PLACES
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.deployment import SettingsError, load_settings
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import Store
from tally_pipeline.query import dialect
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.engine import QueryError
from tally_pipeline.query.tables import TABLES
from testkit.aws.moto_server import settings_at
from testkit.captures import capture, page, show
from testkit.stored_days import keys_of

CANARY = "a-canary-beside-the-lake"


def a_key(data: bytes) -> None:
    """A name that is taken for a capture's is exactly a capture's, and lies below bronze/."""
    named = (
        generators.key(generators.Turns(data))
        if data[:1] < b"\x80"
        else data.decode("utf-8", "surrogateescape")
    )
    parsed = PLACES.parse(named)
    if parsed is None:
        return
    assert str(parsed) == named
    below = layout.BRONZE if parsed.root == layout.BRONZE else layout.STREAMS
    _inside(named, below)
    _inside(layout.silver_key(parsed.data_type, parsed.dt), layout.SILVER)
    _inside(layout.quarantine_key(parsed.data_type, parsed.dt), layout.QUARANTINE)


def _inside(key: str, below: str) -> None:
    assert key.isascii()
    assert "\0" not in key
    root = Path("/lake")
    assert Path(root, key).parts[: 1 + len(root.parts)] == (*root.parts, below.split("/", maxsplit=1)[0])
    assert ".." not in key.split("/")
    assert "." not in key.split("/")


class _Queue:
    """SQS as far as the sensor asks it: what is in it, and what was deleted."""

    def __init__(self, *bodies: str) -> None:
        self.left = [
            {"Body": body, "MessageId": f"m{place}", "ReceiptHandle": f"r{place}"}
            for place, body in enumerate(bodies)
        ]
        self.deleted: list[str] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        taken, self.left = self.left, []
        return {"Messages": taken}

    def delete_message_batch(self, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:  # noqa: N803
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]
        return {}


class _QueueAws(Aws):
    queue = _Queue()

    def client(self, service: str) -> Any:
        return self.queue


@cache
def _sensor() -> tuple[_QueueAws, SqsObjectEvents, Path]:
    root = Path(tempfile.mkdtemp(prefix="tally-fuzz-")) / "lake"
    store = Store.in_folder(root)
    for name in ("a", "b"):
        store.create(str(BronzeKey("popular_shows", DT, name)), b"{}")
    (root.parent / "outside.json").write_text(CANARY)
    aws = _QueueAws(settings_at("http://127.0.0.1:1"))
    now = datetime(2026, 1, 5, 4, tzinfo=UTC)
    return aws, SqsObjectEvents(aws, store, PLACES, lambda: now, wait_seconds=0), root


def a_message(data: bytes) -> None:
    """A message is done with or left to become a dead letter; what it hints at is looked for in the lake alone."""
    aws, sensor, _ = _sensor()
    aws.queue = _Queue(generators.message(data), json.dumps({"Event": "s3:TestEvent"}))
    found, cursor = sensor.poll('{"swept":"2026-01-05"}')
    for arrival in found:
        for key in keys_of(arrival):
            _inside(str(key), layout.STREAMS)
            assert (key.data_type, key.dt) == (arrival.data_type, arrival.dt)
    kept = json.loads(cursor)["receipts"]
    assert "r1" in kept
    assert not aws.queue.deleted
    sensor.poll(cursor)
    assert aws.queue.deleted == kept


def a_cursor(data: bytes) -> None:
    """A cursor of another's making is read as far as it is one, and the look goes on."""
    aws, sensor, _ = _sensor()
    aws.queue = _Queue()
    sensor.poll(data.decode("utf-8", "surrogateescape"))


# --- people's words ----------------------------------------------------------------------------------------


def some_settings(data: bytes) -> None:
    """Settings are taken or refused in words; no secret is in what they show."""
    told = generators.settings(data)
    told.setdefault("TMDB_API_TOKEN", SECRET)
    _load(told, None)


def a_dotenv(data: bytes) -> None:
    """A `.env` of any bytes is read or refused in words."""
    _, _, root = _sensor()
    path = root.parent / ".env"
    lines = b"\n".join(b"%s=%s" % (k.encode(), v.encode("utf-8", "surrogateescape"))
                       for k, v in generators.settings(data).items() if "\udcff" not in v)  # fmt: skip
    path.write_bytes(data if data[:1] < b"\x80" else lines)
    _load({}, path)


def _load(told: Mapping[str, str], dotenv: Path | None) -> None:
    try:
        settings = load_settings(told, dotenv)
    except SettingsError as error:
        shown = str(error)
    else:
        shown = repr(settings)
        assert settings.state.is_relative_to(settings.home)
        assert settings.state != settings.home
    assert SECRET[:9] not in shown


@cache
def _engine() -> tuple[DuckDbEngine, Path]:
    _, _, root = _sensor()
    found = list_capture.decode(capture([page(1, [show(number) for number in range(1, 6)])]))
    refined = refine(found, data_type="popular_shows", dt=DT, key="k")
    footer = footer_for((), None, "tmdb", refined.counts)
    Store.in_folder(root).put(layout.silver_key("popular_shows", DT), parquet.encode(refined.silver, footer))
    return DuckDbEngine(root, TABLES), root


def some_sql(data: bytes) -> None:
    """SQL is refused in words, or is one query of known tables for both engines."""
    tables = {spec.name: spec for spec in TABLES}
    with suppress(QueryError):
        read = dialect.read(generators.sql(data), tables)
        if isinstance(read, dialect.Query):
            assert read.tables <= tables.keys()
            assert read.athena
            assert read.duckdb


def an_answer(data: bytes) -> None:
    """A query answers from the lake or is refused in words; it reads and writes nothing beside it."""
    engine, root = _engine()
    statement = generators.sql(data)
    if any(
        word in statement.upper() for word in ("RECURSIVE", "CROSS", "JOIN", "REPEAT", "RANGE", "SEQUENCE")
    ):
        return
    with suppress(QueryError):
        told = engine.query(statement)
        assert CANARY not in str(told.slice(0, 50).to_pydict())
    assert sorted(path.name for path in root.parent.iterdir() if path.name != ".env") == [
        "lake",
        "outside.json",
    ]
