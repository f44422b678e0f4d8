"""Lines of events, staged and refined: the same rows a second way, in any order of arrival, and nothing lost."""

from __future__ import annotations

import gzip
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tally_pipeline.datasets.events import refinement
from tally_pipeline.datasets.events.contract import ORDER, QUARANTINE, SILVER
from tally_pipeline.datasets.events.refinement import CONFLICT, Accounts
from tally_pipeline.datasets.events.staging import DamagedObjectError, hash_of, staged
from tally_pipeline.events.contract import Request
from tally_pipeline.events.lines import lines_of
from tally_pipeline.lake import parquet
from tally_pipeline.query import event_days
from testkit.events import DEVICE, USER, event, request
from testkit.plain_events import Plain, plain, stage

OTHER = "d2b8a6de-94a7-4f0b-8a43-5d1e7f9023bc"
START = datetime(2026, 1, 30, 12, tzinfo=UTC)
FATES = pa.schema([("event_day", pa.string()), ("fate", pa.string()), ("lines", pa.int64())])


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def lines(
    received: datetime, *events: Mapping[str, Any], number: int = 1, ahead: timedelta = timedelta(0)
) -> bytes:
    """The lines that the door makes of a request, whose device's clock is ahead."""
    body = request(*events, sent_at=text(received + ahead))
    found = msgspec.json.decode(msgspec.json.encode(body), type=Request)
    return lines_of(found, received, f"00000000-0000-4000-8000-{number:012x}")


def object_of(received: datetime, body: bytes, name: str = "0-1") -> tuple[str, bytes]:
    key = f"bronze/events/dt={received:%Y-%m-%d}/hour={received:%H}/{name}.jsonl.gz"
    return key, gzip.compress(body, mtime=0)


def ask(root: Path, sql: str, schema: pa.Schema, memory: str = "1GB") -> pa.Table:
    with event_days.batches(root, sql, schema, root / "spill", memory) as reader:
        return reader.read_all()


def refine(root: Path, days: Iterable[str]) -> dict[str, pa.Table]:
    """Silver by event day, where there is any."""
    found = {day: ask(root, refinement.silver_of(day), SILVER) for day in days}
    return {day: table for day, table in found.items() if table.num_rows}


def event_days_of(root: Path) -> set[str]:
    """The event days that staged lines have."""
    files = (root / "silver").rglob("*.parquet")
    return {day for path in files for day in pq.ParquetFile(path).read()["event_day"].to_pylist() if day}


def fates(root: Path, day: str) -> dict[str, int]:
    counted: dict[str, int] = {}
    for row in ask(root, refinement.fates_of(day), FATES).to_pylist():
        counted[row["fate"]] = counted.get(row["fate"], 0) + row["lines"]
    return counted


def keys(table: pa.Table) -> list[tuple[Any, ...]]:
    columns = [
        table[name].cast(pa.int64()) if pa.types.is_timestamp(table[name].type) else table[name]
        for name in ORDER
    ]
    return [(row[0] or "", *row[1:]) for row in zip(*(column.to_pylist() for column in columns), strict=True)]


@st.composite
def histories(draw: st.DrawFn) -> dict[str, bytes]:
    """Objects of a few events, sent again at once or weeks later, changed, late, by wrong clocks, or broken."""
    objects = {}
    for number in range(draw(st.integers(1, 6))):
        received = START + timedelta(
            days=draw(st.sampled_from([0, 0, 1, 2, 30, 31, 32, 33])),
            milliseconds=draw(st.sampled_from([0, 0, 1, 43_199_999, 43_200_000])),
        )
        sent = []
        for _ in range(draw(st.integers(1, 4))):
            age = draw(
                st.sampled_from([0, 1, 12 * 3600, 24 * 3600, 30 * 86_400 - 1, 30 * 86_400, -86_400, -86_401])
            )
            sent.append(
                event(
                    draw(st.integers(0, 2)),
                    occurred_at=text(draw(st.sampled_from([START, received])) - timedelta(seconds=age)),
                    user_id=draw(st.sampled_from([USER, OTHER, None])),
                    seq=draw(st.integers(0, 1)),
                    consent=draw(st.sampled_from([["necessary"], ["necessary", "analytics"]])),
                    props=draw(st.sampled_from([{"show_id": 1, "surface": "home"}, {"show_id": "1"}])),
                )
            )
        ahead = timedelta(minutes=draw(st.sampled_from([0, 0, 2, 7, -60])))
        body = lines(received, *sent, number=draw(st.integers(1, 3)), ahead=ahead)
        body += draw(st.sampled_from([b"", b"no line\n", b"\xff\n", body]))
        key, packed = object_of(received, body, f"0-{number}")
        objects[key] = packed
    return objects


def check_accounts(root: Path, read: tuple[int, int], expected: Plain) -> None:
    staged_days = sorted(path.name.removeprefix("dt=") for path in (root / "silver/event_lines").iterdir())
    counted = [fates(root, day) for day in staged_days]
    quarantined = [ask(root, refinement.quarantine_of(day), QUARANTINE).num_rows for day in staged_days]
    silver, duplicates, conflicts = (
        sum(day.get(fate, 0) for day in counted) for fate in ("silver", "duplicate", "conflict")
    )
    assert Accounts(*read, silver, duplicates, sum(quarantined)).hold
    assert (duplicates, conflicts) == (expected.duplicates, expected.conflicts)
    assert (sum(quarantined), read[1]) == (expected.conflicts + expected.broken, expected.forgotten)
    assert silver == sum(map(len, expected.silver.values()))


def check(objects: Mapping[str, bytes], forgotten: Sequence[str], seed: int) -> None:
    expected = plain(objects, forgotten)
    order = sorted(objects.items())
    random.Random(seed).shuffle(order)
    hashes = frozenset(map(hash_of, forgotten))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        read = stage(Path(one), sorted(objects.items()), hashes)
        found = refine(Path(one), event_days_of(Path(one)) | set(expected.silver))
        assert {day: keys(table) for day, table in found.items()} == expected.silver
        check_accounts(Path(one), read, expected)
        assert stage(Path(two), order, hashes) == read
        again = refine(Path(two), found)
        assert {day: parquet.encode_table(table) for day, table in again.items()} == {
            day: parquet.encode_table(table) for day, table in found.items()
        }


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(histories(), st.sampled_from([(), (USER,)]), st.integers(0, 9))
def test_a_history_refines_as_plain_python_does_whatever_the_order(
    objects: dict[str, bytes], forgotten: Sequence[str], seed: int
) -> None:
    check(objects, forgotten, seed)


def test_the_earliest_counts_the_same_again_is_a_duplicate_and_another_a_conflict(tmp_path: Path) -> None:
    early, late = START, START + timedelta(days=3)
    stage(
        tmp_path,
        [
            object_of(late, lines(late, event(1, occurred_at=text(early)), number=2)),
            object_of(early, lines(early, event(1, occurred_at=text(early)))),
            object_of(late, lines(late, event(1, occurred_at=text(early), seq=9), number=3), "0-2"),
        ],
    )
    silver = ask(tmp_path, refinement.silver_of("2026-01-30"), SILVER)
    assert [row["received_at"] for row in silver.to_pylist()] == [early.replace(tzinfo=None)]
    assert fates(tmp_path, "2026-02-02") == {"duplicate": 1, "conflict": 1}
    (rejected,) = ask(tmp_path, refinement.quarantine_of("2026-02-02"), QUARANTINE).to_pylist()
    assert (rejected["reasons"], rejected["seq"], rejected["line"]) == ([CONFLICT], 9, 0)


def test_an_id_is_once_in_an_event_day_even_if_its_lines_arrive_as_far_apart_as_they_can(
    tmp_path: Path,
) -> None:
    first = datetime(2026, 1, 30, tzinfo=UTC)
    arrivals = (first - timedelta(hours=24), first + timedelta(days=30, hours=23, minutes=59))
    occurred = (first, first + timedelta(hours=23, minutes=59, seconds=1))
    stage(
        tmp_path,
        [
            object_of(at, lines(at, event(1, occurred_at=text(was)), number=number))
            for number, (at, was) in enumerate(zip(arrivals, occurred, strict=True))
        ],
    )
    assert ask(tmp_path, refinement.silver_of("2026-01-30"), SILVER).num_rows == 1
    assert fates(tmp_path, "2026-03-01") == {"conflict": 1}


def test_a_line_belongs_to_the_day_it_was_received_whatever_object_holds_it(tmp_path: Path) -> None:
    midnight = datetime(2026, 1, 31, tzinfo=UTC)
    before = midnight - timedelta(milliseconds=1)
    body = lines(before, event(1, occurred_at=text(before))) + lines(
        midnight, event(2, occurred_at=text(before))
    )
    key, packed = object_of(before, body + b"no line\n")
    assert [(part.day, part.lines) for part in staged(key, packed)] == [("2026-01-30", 2), ("2026-01-31", 1)]


@pytest.mark.parametrize(
    "line",
    [
        lines(START, event(1)),
        lines(START, event(1, user_id=None, session_id=USER)),
        lines(START, event(1)).replace(USER.encode(), USER.upper().encode()),
        lines(START, event(1)).replace(USER.encode(), b"\\u0063" + USER[1:].encode()),
        b"torn \xff " + USER.encode() + b"\n",
    ],
)
def test_a_line_that_names_a_forgotten_user_is_dropped_and_counted(line: bytes) -> None:
    key, packed = object_of(START, line + lines(START, event(2, user_id=OTHER)))
    (part,) = staged(key, packed, {hash_of(USER)})
    assert (part.lines, part.forgotten) == (2, 1)
    assert part.rows["user_id"].to_pylist() == [OTHER]


def test_a_broken_line_is_kept_with_every_reason_and_its_place(tmp_path: Path) -> None:
    broken = [
        event(1, occurred_at=text(START)),
        event(2, occurred_at=text(START), seq=-1, props={"show_id": 0, "surface": "home"}),
    ]
    body = lines(START, *broken) + b"\xfe\n"
    stage(tmp_path, [object_of(START, body)])
    rejected = ask(tmp_path, refinement.quarantine_of("2026-01-30"), QUARANTINE).to_pylist()
    assert [(row["line"], len(row["reasons"])) for row in rejected] == [(1, 2), (2, 1)]
    assert rejected[-1]["raw"] == "\\xfe"


def test_unknown_fields_are_dropped_and_named() -> None:
    key, packed = object_of(START, lines(START, event(1, occurred_at=text(START), mood="good")))
    (part,) = staged(key, packed)
    assert (part.rows["reasons"].to_pylist(), part.rows["unknown"].to_pylist()) == ([None], [["mood"]])


def test_an_id_repeated_by_a_hostile_client_costs_no_square(tmp_path: Path) -> None:
    body = b"".join(
        lines(START, event(1, occurred_at=text(START)), number=number) for number in range(20_000)
    )
    stage(tmp_path, [object_of(START, body)])
    assert fates(tmp_path, "2026-01-30") == {"silver": 1, "duplicate": 19_999}


def test_a_lake_without_events_has_no_rows(tmp_path: Path) -> None:
    assert ask(tmp_path, refinement.silver_of("2026-01-30"), SILVER).num_rows == 0
    assert ask(tmp_path, refinement.quarantine_of("2026-01-30"), QUARANTINE).num_rows == 0


def test_a_damaged_object_is_named() -> None:
    key, packed = object_of(START, lines(START, event(1)))
    with pytest.raises(DamagedObjectError, match="0-1"):
        list(staged(key, packed[:-9]))


def test_only_a_day_gets_into_the_sql() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        refinement.silver_of("2026-01-30' OR '1'='1")


def test_staged_lines_are_parquet_that_others_read(tmp_path: Path) -> None:
    stage(tmp_path, [object_of(START, lines(START, event(1, occurred_at=text(START))))])
    (path,) = (tmp_path / "silver").rglob("*.parquet")
    assert pq.ParquetFile(path).read()["device_id"].to_pylist() == [DEVICE]
