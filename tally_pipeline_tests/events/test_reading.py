"""Lines of bronze, read: a sound event, or every reason why it is none."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tally_pipeline.events import reading
from tally_pipeline.events.contract import PROPS
from tally_pipeline.events.door import Accepted, receive
from tally_pipeline.events.reading import Broken, Reason, Row, read, skew_of
from testkit.events import (
    DEVICE,
    JSON,
    NOW,
    PLAYED,
    REQUEST_ID,
    SESSION,
    SOUND,
    USER,
    body,
    changed_events,
    event,
)


def line(one: Any, sent_at: str = "2026-03-01T12:00:00.000Z") -> bytes:
    """The event's line, as it comes through the door."""
    answer = receive({}, body(one, sent_at=sent_at), key_hashes=(), now=NOW, new_id=lambda: REQUEST_ID)
    assert isinstance(answer, Accepted)
    return answer.lines


def sound(one: Any, sent_at: str = "2026-03-01T12:00:00.000Z") -> Row:
    found = read(line(one, sent_at))
    assert isinstance(found, Row), found
    return found


def reasons(one: Any) -> list[tuple[str, str]]:
    found = read(line(one))
    assert isinstance(found, Broken)
    return [(reason.field, reason.rule) for reason in found.reasons]


@pytest.mark.parametrize(("name", "schema"), PROPS)
def test_every_event_of_the_contract_is_read(name: str, schema: int) -> None:
    found = sound(event(name=name, schema=schema, props=SOUND[name]))
    assert {column: value for column, value in found._asdict().items() if column in SOUND[name]} == SOUND[
        name
    ]
    others = set(reading.PROPERTIES) - SOUND[name].keys()
    assert {getattr(found, column) for column in others} <= {None}
    assert (found.name, found.schema, found.user_id, found.unknown) == (name, schema, USER, ())


def test_a_row_has_what_the_event_and_the_door_say() -> None:
    found = sound(event(7, props=SOUND["show_viewed"]), sent_at="2026-03-01T10:58:00Z")
    of_props = dict.fromkeys(reading.PROPERTIES)
    assert found._asdict() == of_props | {
        "event_id": "0195513e-7c00-7000-8000-000000000007",
        "name": "show_viewed",
        "schema": 1,
        "event_at": ms("2026-03-01T12:59:00Z"),
        "occurred_at": ms("2026-03-01T11:59:00Z"),
        "sent_at": ms("2026-03-01T10:58:00Z"),
        "received_at": ms("2026-03-01T12:00:00Z"),
        "skew_s": 3600,
        "seq": 7,
        "device_id": DEVICE,
        "session_id": SESSION,
        "user_id": USER,
        "app_id": "tv.tally",
        "app_version": "1.4.2",
        "os": "iOS 19.1",
        "analytics": True,
        "personalisation": False,
        "show_id": 1399,
        "surface": "home",
        "request_id": REQUEST_ID,
        "request_index": 0,
        "unknown": (),
    }


def ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp()) * 1000


def test_every_property_of_the_contract_has_its_column() -> None:
    declared = {name for props in PROPS.values() for name in props.__struct_fields__}
    assert sorted(reading.PROPERTIES) == sorted(declared)


def test_what_was_played_is_read_in_seconds() -> None:
    found = sound(event(name="playback_progress", props=PLAYED))
    assert (found.position_s, found.played_s) == (610.5, 10)
    assert isinstance(found.played_s, float)


# --- times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent_at", "corrected"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T11:59:00+00:00"),
        ("2026-03-01T12:02:29Z", "2026-03-01T11:59:00+00:00"),
        ("2026-03-01T11:57:30Z", "2026-03-01T12:04:00+00:00"),
        ("2026-03-01T13:00:00Z", "2026-03-01T10:59:00+00:00"),
        ("2026-03-01T11:00:00Z", "2026-03-01T12:59:00+00:00"),
    ],
)
def test_a_clock_that_is_wrong_is_corrected_to_five_minutes(sent_at: str, corrected: str) -> None:
    assert sound(event(), sent_at).event_at == ms(corrected)


@given(st.integers(-(10**10), 10**10), st.integers(0, 100_000))
def test_a_delay_of_the_network_changes_no_order(behind_ms: int, delay_ms: int) -> None:
    """Of one clock any two requests are corrected by steps that differ by no more than one step."""
    real = datetime(2026, 3, 1, 12, tzinfo=UTC)
    shown = real - timedelta(milliseconds=behind_ms)
    at_once, later = skew_of(real, shown), skew_of(real + timedelta(milliseconds=delay_ms), shown)
    assert at_once % reading.SKEW_STEP == later % reading.SKEW_STEP == timedelta(0)
    assert timedelta(0) <= later - at_once <= reading.SKEW_STEP
    assert abs(at_once - timedelta(milliseconds=behind_ms)) <= reading.SKEW_STEP / 2


@pytest.mark.parametrize(
    ("occurred_at", "rule"),
    [
        ("2026-03-02T12:00:00.001Z", "is more than 24 hours after the event's arrival"),
        ("2026-01-30T12:00:00Z", "is 30 days before the event's arrival, or more"),
        ("9999-12-31T23:59:59-23:59", "is more than 24 hours after the event's arrival"),
        ("0001-01-01T00:00:00+23:59", "is 30 days before the event's arrival, or more"),
    ],
)
def test_an_event_of_another_time_counts_for_nothing(occurred_at: str, rule: str) -> None:
    assert reasons(event(occurred_at=occurred_at)) == [("occurred_at", rule)]


@pytest.mark.parametrize("occurred_at", ["2026-03-02T12:00:00Z", "2026-01-30T12:00:00.001Z"])
def test_up_to_that_it_counts(occurred_at: str) -> None:
    sound(event(occurred_at=occurred_at))


# --- broken ------------------------------------------------------------------------------------------------


def test_every_reason_is_told() -> None:
    one = event(seq=-1, consent=["anything"], user_id="Anna", props={"show_id": 0, "surface": "the couch"})
    del one["session_id"]
    assert reasons(one) == [
        ("seq", "Expected `int` >= 0"),
        ("session_id", "is missing"),
        ("user_id", "is no UUID in lower case"),
        ("consent", "is none of the contract's words"),
        ("props.show_id", "Expected `int` >= 1"),
        ("props.surface", "is none of the contract's words"),
    ]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (7, ("event", "is no object")),
        (event(name="show_liked"), ("name", "is no event of the contract's")),
        (event(schema=2), ("schema", "is a number that this event does not have")),
        (event(props=[]), ("props", "is no object")),
        (event(props=None), ("props", "is no object")),
    ],
)
def test_what_is_no_event_of_the_contract_is_told_apart(one: Any, reason: tuple[str, str]) -> None:
    assert reasons(one) == [reason]


def test_of_a_broken_event_its_name_and_user_are_known_where_they_can_be_read() -> None:
    found = read(line(event(seq=None)))
    assert isinstance(found, Broken)
    assert (found.name, found.user_id) == ("show_viewed", USER)


def test_fields_that_the_contract_lacks_are_named_and_dropped() -> None:
    found = sound(event(note=1, props={"show_id": 1399, "surface": "home", "zoom": 2, "anna@example.org": 3}))
    assert found.unknown == ("note", "props.(a name that no field can have)", "props.zoom")


def test_what_the_door_did_not_write_is_no_line() -> None:
    for text in (
        b"",
        b"{}",
        b"null",
        b"\xff",
        line(event())[:-5],
        line(event()).replace(b"show_viewed", b"\xff"),
    ):
        assert read(text) == Broken((Reason("line", "is none that the door writes"),))


MARK = "c0ffee5ecret"


@given(
    st.dictionaries(st.sampled_from([*event(), "other"]), JSON | st.just(MARK)),
    st.dictionaries(st.text(), JSON),
)
def test_nothing_breaks_it_and_no_reason_tells_of_what_came(
    changed: dict[str, Any], props: dict[str, Any]
) -> None:
    whole = event(**{**event(), **changed})
    for one in (
        whole,
        event(props={**props, "surface": MARK}),
        event(props={**SOUND["show_viewed"], **props}),
    ):
        found = read(line(one))
        if isinstance(found, Broken):
            assert found.reasons
            assert MARK not in "".join(reason.field + reason.rule for reason in found.reasons)


@given(
    st.sampled_from(sorted(SOUND)),
    st.lists(st.sampled_from(["necessary", "analytics", "personalisation"]), min_size=1, max_size=3),
)
def test_the_fast_path_and_the_diagnosis_agree(name: str, consent: list[str]) -> None:
    plain = line(event(name=name, props=SOUND[name], consent=consent))
    fast = read(plain)
    assert isinstance(fast, Row)
    assert fast == reading._diagnosed(plain)


SENT = line(event(name="playback_progress", props=PLAYED))
BITS = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\0",
    b"\n",
    b"\xff",
    b"\xe2\x80\xa8",
    b"null",
    b"1e999",
]
BITS += [
    b'"index":',
    b'"event":',
    b'"user_id":',
    b"-1",
    b"00",
    b"1.0",
    b"A",
    b"\\ud800",
    b"\xef\xbb\xbf",
    SENT,
    SENT[:-2],
]


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SENT)), st.integers(0, 40), st.sampled_from(BITS) | st.binary(max_size=4)
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_whatever_is_done_to_a_line_the_fast_path_says_what_the_diagnosis_says(
    cuts: list[tuple[int, int, bytes]], in_event: bool
) -> None:
    changed = SENT
    for at, length, put in cuts:
        at = max(at, SENT.index(b'"event"')) if in_event else at
        changed = changed[:at] + put + changed[at + length :]
    assert read(changed) == reading._diagnosed(changed)


@settings(max_examples=400)
@given(changed_events())
def test_whatever_is_done_to_an_event_the_fast_path_says_what_the_diagnosis_says(one: dict[str, Any]) -> None:
    assert read(line(one)) == reading._diagnosed(line(one))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"index":0', b'"index":0,"index":0'),
        (b'"index":0', b'"index": 0'),
        (b'{"received_at"', b' {"received_at"'),
        (b'"os":"iOS', b'"os":"\\u0069OS'),
        (b'"sent_at"', b'"event":7,"sent_at"'),
        (b'"sent_at"', b'"more":",\\"event\\":","sent_at"'),
    ],
)
def test_a_line_that_is_written_otherwise_than_the_door_does_means_the_same(old: bytes, new: bytes) -> None:
    assert SENT.count(old) == 1
    found = read(SENT.replace(old, new))
    assert isinstance(found, Row)
    assert found._replace(os="") == sound(event(name="playback_progress", props=PLAYED))._replace(os="")


@pytest.mark.parametrize(
    "place",
    [b"-1", b"100", b"00", b"1_0", b"+1", b'"0"', b"null", b"10000000000000000000000", b"0.5", b""],
)
def test_a_place_that_no_request_has_is_no_line_of_the_doors(place: bytes) -> None:
    assert read(SENT.replace(b'"index":0', b'"index":' + place)) == Broken(
        (Reason("line", "is none that the door writes"),)
    )


@pytest.mark.parametrize("year", [b"0001", b"1969", b"9000", b"9999"])
def test_an_arrival_at_an_end_of_the_calendar_is_no_line_of_the_doors(year: bytes) -> None:
    assert read(SENT.replace(b'"received_at":"2026', b'"received_at":"' + year)) == Broken(
        (Reason("line", "is none that the door writes"),)
    )


def test_of_a_field_that_comes_twice_the_last_counts_as_for_every_reader_of_json() -> None:
    twice = SENT.replace(b'"user_id"', b'"user_id": null, "user_id"')
    assert read(twice) == read(SENT)
    last = SENT.replace(b'"consent"', b'"user_id": null, "consent"')
    found = read(last)
    assert isinstance(found, Row)
    assert found.user_id is None


@pytest.mark.parametrize(
    ("name", "value"), [("rank", 1), ("words", None), ("played_s", 2.5), ("model", "ease")]
)
def test_of_a_property_of_another_event_only_the_name_is_told(name: str, value: Any) -> None:
    found = sound(event(props={**SOUND["show_viewed"], name: value}))
    assert found.unknown == (f"props.{name}",)
    assert found._replace(unknown=()) == sound(event(props=SOUND["show_viewed"]))


@pytest.mark.parametrize("field", ["event_id", "session_id", "user_id", "props.playback_id"])
@pytest.mark.parametrize("text", ["", "Anna", USER.upper(), f"{USER}\n"])
def test_an_id_that_is_no_uuid_is_told_when_all_else_is_sound(field: str, text: str) -> None:
    in_props = field.startswith("props.")
    props = {**PLAYED, "playback_id": text} if in_props else PLAYED
    one = event(name="playback_progress", props=props) | ({} if in_props else {field: text})
    ((told, rule),) = reasons(one)
    assert told == field
    assert rule.startswith("is no UUID ")


def test_of_two_places_in_a_request_the_last_counts() -> None:
    found = read(SENT.replace(b',"sent_at"', b',"index":9,"sent_at"'))
    assert isinstance(found, Row)
    assert found.request_index == 9


def nested(depth: int) -> bytes:
    """A sound line with a field that the contract does not know, so many brackets deep in the event's."""
    return SENT.replace(b'"seq"', b'"x": ' + b"[" * depth + b"]" * depth + b', "seq"')


def from_depth(calls: int, sent: bytes) -> Row | Broken:
    """The line, read by a caller so many calls deep."""
    return from_depth(calls - 1, sent) if calls else read(sent)


@pytest.mark.parametrize("depth", [30, 31, 200, 700, 5_000, 100_000])
def test_how_deep_the_caller_is_changes_nothing(depth: int) -> None:
    found = read(nested(depth))
    assert isinstance(found, Row) == (depth <= 30)
    assert from_depth(500, nested(depth)) == found
    if isinstance(found, Broken):
        assert found.reasons == (Reason("event", "is nested more than 32 deep"),)


def test_brackets_in_text_are_no_depth() -> None:
    found = read(SENT.replace(b'"seq"', b'"x": "' + b'[\\"{' * 100 + b'", "seq"'))
    assert isinstance(found, Row)
    assert found.unknown == ("x",)


@pytest.mark.parametrize("end", [b'"' + b'\\"' * 120_000, b"[" * 250_000, b'"x",' * 60_000, b"\\" * 250_000])
def test_no_line_of_a_request_takes_long(end: bytes) -> None:
    """A second is a hundred times what it takes; were it of the square of its length, it would be minutes."""
    began = time.process_time()
    assert isinstance(read(SENT[:400] + end), Broken)
    assert time.process_time() - began < 1


NUMBERS = [b"9" * digits + end for digits in (20, 400, 4_301, 100_000) for end in (b"", b".5", b"e5", b"e-9")]


@pytest.mark.parametrize(
    "field", [b'"seq": 0', b'"schema": 1', b'"show_id": 1399', b'"played_s": 10', b'"index":0']
)
def test_a_number_beyond_all_range_is_a_reason(field: bytes) -> None:
    """Among them those of more digits than Python turns into a number."""
    assert SENT.count(field) == 1
    for number in NUMBERS:
        for sign in (b"", b"-"):
            found = read(SENT.replace(field, field.partition(b":")[0] + b":" + sign + number))
            assert isinstance(found, Broken)
