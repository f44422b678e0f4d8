"""Faults of the catalog: DuckDB over a folder with bad files in it, Athena and Glue that refuse."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from proof.cases import SILVER, Case, Home, demand, glimpse, ran
from proof.faulty.s3 import FIRST_DAY, World
from tally_pipeline.lake import layout
from tally_pipeline.orchestration.assets import common
from tally_pipeline.query.engine import QueryError
from tally_pipeline.query.tables import TABLES
from testkit.aws import athena_server
from testkit.aws.faulty_aws import Fault, Request, denied
from testkit.pipeline import POPULAR, contents, day, outcome_of

QUERIES, SWAP_SECONDS = 12, 0.03
"""The number of queries of the table, and the seconds between two replacements of a file."""


def in_a_folder(home: Home) -> list[Case]:
    side = "DuckDB"
    red = (
        "silver is published and stays; the table is red and names the file and the remedy; without it, green"
    )
    before, other = layout.silver_key(POPULAR.name, day(1)), layout.silver_key("airing_today", day())
    stray = SILVER.replace("data.parquet", "stray.parquet")
    return [
        Case(side, "yesterday's file is cut in half", red,
             lambda: _bad_file(home, before, lambda body: body[: len(body) // 2])),
        Case(side, "a file that is no Parquet, in another list", red,
             lambda: _bad_file(home, other, lambda body: b"not Parquet at all")),
        Case(side, "a file in which ids are texts", red, lambda: _bad_file(home, before, _ids_as_text)),
        Case(side, "a stray copy beside the day's file",
             "not read: the table's files are data.parquet; green, each show counted once",
             lambda: _stray(home, stray)),
        Case(side, "the file is replaced while it is asked for",
             "every answer is of one file, old or new", lambda: _replaced(home)),
        Case(side, "the file goes away and comes back while it is asked for",
             "an answer of one state, or a sentence that says so; never a crash", lambda: _comes_and_goes(home)),
    ]  # fmt: skip


def on_aws(at: World) -> list[Case]:
    red = "silver is published and stays; the table is red and says what to do; then green"

    def of(service: str) -> Callable[[Request], bool]:
        return lambda request: request.headers.get("x-amz-target", "").startswith(service)

    def case(side: str, fault: str, answer: Fault, says: str) -> Case:
        service = {"Athena": "AmazonAthena.", "Glue": "AWSGlue."}[side]
        return Case(side, fault, red, lambda: _failing(at, replace(answer, concerns=of(service)), says))

    throttled = Fault(400, "ThrottlingException", "Rate exceeded")
    return [
        case("Athena", "denied", denied("athena:StartQueryExecution"), "may not do it.*tally-<env>-pipeline"),
        case("Athena", "throttled", replace(throttled, code="TooManyRequestsException"), "limits how fast"),
        case("Athena", "down", Fault(500, "InternalServerException", "internal"), "AWS failed.*Wait"),
        case("Athena", "expired credentials", Fault(400, "ExpiredTokenException", "expired"), "have expired"),
        case("Athena", "hangs", Fault(hangs=True), "cannot be reached, or does not answer"),
        case("Glue", "denied", denied("glue:GetTable"), "may not do it"),
        case("Glue", "throttled", throttled, "limits how fast"),
        case("Glue", "no such table", Fault(400, "EntityNotFoundException", "Table not found"), "no such database"),
        Case("Glue", "a column was changed by hand", red, lambda: _changed_by_hand(at)),
        Case("Athena", "a stray copy beside the day's file", "Athena reads it: the table is red, says what to do",
             lambda: _object_in_bucket(at, SILVER.replace("data.", "stray."), at.good[SILVER], "stray files")),
        Case("Athena", "a query fails over a damaged file", red,
             lambda: _object_in_bucket(at, layout.silver_key("airing_today", day()), at.good[SILVER][:200],
                                       "rebuild its day|Look at")),
    ]  # fmt: skip


# --- DuckDB ------------------------------------------------------------------------------------------------


def _bad_file(home: Home, key: str, spoil: Callable[[bytes], bytes]) -> str:
    home.restore()
    path = home.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(spoil(home.before[SILVER]))
    found = home.sync()
    told = found.said + _check_words(found.result)
    after = contents(home.lake)
    demand(not found.published, "green all the same")
    demand(SILVER in after and _is_whole(after[SILVER]), "silver was not published")
    demand(re.search(r"[Rr]ebuild|[Rr]emove|Look at", told), f"no remedy: {glimpse(told, 300)}")
    path.unlink()
    with home.pipeline() as pipeline:
        again = ran(lambda: pipeline.run("refine", assets=[common.TABLE]))
    demand(again.published, f"red without the file: {glimpse(again.said)}")
    home.nothing_lost(published=True)
    return f"red: {glimpse(told)}; green without it"


def _stray(home: Home, key: str) -> str:
    home.restore()
    (home.root / key).write_bytes(home.before[SILVER])
    found = home.sync()
    demand(found.published, f"red: {glimpse(found.said)}")
    with home.pipeline() as pipeline:
        counted = pipeline.deployment.query_engine.query("SELECT count(*) AS n FROM silver_shows")["n"][
            0
        ].as_py()
    (home.root / key).unlink()
    demand(counted == len(home.truth), f"{counted} rows in the table, {len(home.truth)} in silver")
    home.nothing_lost(published=True)
    return f"green, {counted} rows in the table as in silver"


def _check_words(result: dg.ExecuteInProcessResult) -> str:
    """The messages of the failed checks."""
    words = []
    for event in result.get_asset_check_evaluations():
        if outcome_of(event) == "failed":
            words.append(f"{event.check_name}: {event.description} {event.metadata}")
    return " ".join(words)


def _is_whole(body: bytes) -> bool:
    return bool(pq.ParquetFile(pa.BufferReader(body)).read().num_rows)


def _ids_as_text(body: bytes) -> bytes:
    table = pq.ParquetFile(pa.BufferReader(body)).read()
    place = table.schema.get_field_index("show_id")
    changed = table.set_column(place, "show_id", table["show_id"].cast(pa.string()))
    sink = pa.BufferOutputStream()
    pq.write_table(changed, sink)
    return bytes(sink.getvalue())


def _replaced(home: Home) -> str:
    home.restore()
    old = home.before[SILVER]
    fewer = pq.ParquetFile(pa.BufferReader(old)).read().slice(0, 7)
    sink = pa.BufferOutputStream()
    pq.write_table(fewer, sink)
    bodies = [old, bytes(sink.getvalue())]
    answers, refusals = _asked_meanwhile(home, lambda turn: _swap(home.root / SILVER, bodies[turn % 2]))
    sums = {len(home.truth), fewer.num_rows}
    demand(set(answers) <= sums, f"answers: {sorted(set(answers))}, of {sorted(sums)}")
    demand(all("replaced during each" in told for told in refusals), f"says: {refusals[:2]}")
    return f"{len(answers)} answers, all of one file; {len(refusals)} asked for patience"


def _comes_and_goes(home: Home) -> str:
    home.restore()
    path, body = home.root / SILVER, home.before[SILVER]
    answers, refusals = _asked_meanwhile(
        home, lambda turn: _swap(path, body) if turn % 2 else path.unlink(missing_ok=True)
    )
    demand(set(answers) <= {0, len(home.truth)}, f"answers: {sorted(set(answers))}")
    return f"{len(answers)} answers, {len(refusals)} refusals in words"


def _asked_meanwhile(home: Home, change: Callable[[int], object]) -> tuple[list[int], list[str]]:
    """The counts that the table gave while `change` was called over and over, and the refusals."""
    done, answers, refusals = threading.Event(), [], []

    def changing() -> None:
        turn = 0
        while not done.wait(SWAP_SECONDS):
            change(turn)
            turn += 1

    thread = threading.Thread(target=changing)
    thread.start()
    try:
        with home.pipeline() as pipeline:
            for _ in range(QUERIES):
                try:
                    found = pipeline.deployment.query_engine.query(
                        "SELECT count(title) AS n FROM silver_shows"
                    )
                    answers.append(found["n"][0].as_py())
                except QueryError as error:
                    refusals.append(str(error))
    finally:
        done.set()
        thread.join()
    return answers, refusals


def _swap(path: Path, body: bytes) -> None:
    """As the store does: written aside, then renamed."""
    aside = path.with_name("data.parquet#1")
    aside.write_bytes(body)
    aside.rename(path)


# --- Athena and Glue ---------------------------------------------------------------------------------------


def _failing(at: World, fault: Fault, says: str) -> str:
    at.restore()
    at.fail(fault)
    found = at.sync(*_with_table())
    at.fail(None)
    return _red(at, found.said + _check_words(found.result), found.published, says)


def _changed_by_hand(at: World) -> str:
    at.restore()
    spec = next(spec for spec in TABLES if spec.name == "silver_shows")
    table = athena_server.table_input(at.direct, spec, FIRST_DAY)
    columns = table["StorageDescriptor"]["Columns"]
    changed = [{**one, "Type": "string"} if one["Name"] == "popularity" else one for one in columns]
    spoilt = {**table, "StorageDescriptor": {**table["StorageDescriptor"], "Columns": changed}}
    athena_server.put_table(at.direct, spoilt, anew=True)
    try:
        found = at.sync(*_with_table())
    finally:
        athena_server.put_table(at.direct, table, anew=True)
    return _red(at, found.said + _check_words(found.result), found.published, "terraform apply")


def _object_in_bucket(at: World, key: str, body: bytes, says: str) -> str:
    at.restore()
    s3, bucket = at.direct.client("s3"), at.direct.settings.lake_bucket
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    found = at.sync(*_with_table())
    s3.delete_object(Bucket=bucket, Key=key)
    return _red(at, found.said + _check_words(found.result), found.published, says)


def _with_table() -> tuple[dg.AssetKey, ...]:
    return (common.bronze_key(POPULAR), common.silver_key(POPULAR), common.TABLE)


def _red(at: World, told: str, published: bool, says: str) -> str:
    demand(not published, "green all the same")
    demand(re.search(says, told, re.DOTALL), f"says: {glimpse(told, 300)}")
    at.nothing_lost()
    with at.pipeline() as pipeline:
        again = ran(partial(pipeline.run, "refine", assets=[common.TABLE]))
    demand(again.published, f"red after it was mended: {glimpse(again.said)}")
    return f"red: {glimpse(told)}; then green"
