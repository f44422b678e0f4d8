"""The door: what is taken in, and what is refused with which words."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tally_pipeline.events.contract import MOST_BYTES, SANDBOX_APP
from tally_pipeline.events.door import Accepted, Refused, hash_of, receive
from tally_pipeline.events.lines import Envelope
from testkit.events import DEVICE, JSON, NOW, REQUEST_ID, body, event, request


def post(
    sent: bytes, headers: dict[str, str] | None = None, keys: tuple[str, ...] = ()
) -> Accepted | Refused:
    return receive(
        headers or {}, sent, key_hashes=[hash_of(key) for key in keys], now=NOW, new_id=lambda: REQUEST_ID
    )


def accepted(answer: Accepted | Refused) -> Accepted:
    assert isinstance(answer, Accepted), answer
    return answer


def refused(answer: Accepted | Refused) -> tuple[int, str]:
    assert isinstance(answer, Refused)
    return answer.status, answer.error


def envelopes(answer: Accepted) -> list[Envelope]:
    return [msgspec.json.decode(line, type=Envelope) for line in answer.lines.splitlines()]


# --- taken in ----------------------------------------------------------------------------------------------


def test_each_event_is_a_line_with_its_bytes_as_they_came_and_what_the_door_knows() -> None:
    answer = accepted(post(body(event(1), event(2))))
    first, second = envelopes(answer)
    assert answer.events == 2
    assert bytes(second.event) == json.dumps(event(2)).encode()
    assert (first.index, second.index, first.request_id) == (0, 1, REQUEST_ID)
    assert (first.received_at, first.device_id, first.app.version) == (NOW, DEVICE, "1.4.2")


def test_an_event_that_is_none_costs_no_other() -> None:
    assert [bytes(line.event) for line in envelopes(accepted(post(body(event(), 7, None, {}))))][1:] == [
        b"7",
        b"null",
        b"{}",
    ]


def test_pretty_printed_json_is_a_line_all_the_same() -> None:
    answer = accepted(post(json.dumps(request(event(), event(1)), indent=2).replace("\n", "\r\n").encode()))
    assert answer.lines.count(b"\n") == 2
    assert [json.loads(bytes(line.event)) for line in envelopes(answer)] == [event(), event(1)]


def test_times_are_kept_in_utc() -> None:
    (line,) = envelopes(accepted(post(body(sent_at="2026-03-01T07:30:00.25-04:30"))))
    assert line.sent_at.isoformat() == "2026-03-01T12:00:00.250000+00:00"
    assert (
        b'"sent_at":"0900-01-01T00:00:00.000000Z"'
        in accepted(post(body(sent_at="0900-01-01T00:00:00Z"))).lines
    )


def test_gzip_is_unpacked() -> None:
    plain = accepted(post(body()))
    assert post(gzip.compress(body()), {"Content-Encoding": "gzip"}) == plain
    assert post(body(), {"content-encoding": "identity"}) == plain


def test_one_of_several_keys_opens() -> None:
    for key in ("old", "new"):
        accepted(post(body(), {"Authorization": f"Bearer {key}"}, ("old", "new")))
    accepted(post(body(), {"AUTHORIZATION": "bearer  new "}, ("old", "new")))


# --- refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", ["", "new", "Basic new", "Bearer", "Bearer newer", "Bearer n\udcffw", "Bearer é"]
)
def test_without_a_valid_key_nothing_is_looked_at(authorization: str) -> None:
    status, error = refused(post(b"\xff", {"Authorization": authorization}, ("new",)))
    assert (status, error) == (401, "no valid key: send it as `Authorization: Bearer KEY`")


def without(name: str) -> bytes:
    whole = request()
    del whole[name]
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", "the body is not JSON in UTF-8"),
        (b"{", "the body is not JSON in UTF-8"),
        (b'{"events":' + b"[" * 100_000, "the body is not JSON in UTF-8"),
        (body().replace(b"show_viewed", b"show_\xff"), "the body is not JSON in UTF-8"),
        (b"null", "the body is not a request"),
        (b"[]", "the body is not a request"),
        (without("events"), "`events` is missing"),
        (without("device_id"), "`device_id` is missing"),
        (body(events=[]), "`events` is not what the contract says"),
        (body(events={}), "`events` is not what the contract says"),
        (body(device_id="Anna's phone"), "`device_id` is not what the contract says"),
        (body(app={"id": "tv.tally", "version": "1"}), "`app.os` is missing"),
        (
            body(app={"id": "anna@example.org", "version": "1", "os": "iOS"}),
            "`app.id` is not what the contract says",
        ),
        (body(sent_at="2026-03-01T12:00:00"), "`sent_at` is not what the contract says"),
        (body(sent_at=1_772_366_400), "`sent_at` is not what the contract says"),
        (body(sent_at="9999-12-31T23:59:59-23:59"), "`sent_at` is not what the contract says: in UTC"),
        (body(sent_at="0001-01-01T00:00:00+23:59"), "`sent_at` is not what the contract says: in UTC"),
    ],
)
def test_what_is_no_request_is_told_by_field_and_without_its_value(sent: bytes, error: str) -> None:
    status, said = refused(post(sent))
    assert status == 400
    assert said.startswith(error)


def test_too_much_is_told_to_be_split() -> None:
    assert refused(post(body(*[0] * 101))) == (413, "more than 100 events: send them in several requests")
    accepted(post(body(*[0] * 100)))
    bare = len(body(""))
    accepted(post(body("x" * (MOST_BYTES - bare))))
    status, error = refused(post(body("x" * (MOST_BYTES - bare + 1))))
    assert (status, error) == (
        413,
        "the body is larger than 256 KiB, unpacked: send its events in several requests",
    )


def test_a_bomb_is_stopped_while_it_unpacks() -> None:
    assert refused(post(gzip.compress(bytes(2**26)), {"Content-Encoding": "gzip"}))[0] == 413


@pytest.mark.parametrize(
    ("sent", "encoding"),
    [
        (body(), "gzip"),
        (gzip.compress(body())[:-1], "gzip"),
        (gzip.compress(body()) + b"\0", "gzip"),
        (gzip.compress(body()) * 2, "gzip"),
        (b"", "gzip"),
        (body(), "br"),
        (body(), "gzip, gzip"),
    ],
)
def test_what_is_packed_otherwise_than_it_says_is_refused(sent: bytes, encoding: str) -> None:
    assert refused(post(sent, {"Content-Encoding": encoding}))[0] == 400


def test_invented_events_are_refused_where_real_ones_go() -> None:
    invented = body(app={"id": SANDBOX_APP, "version": "1.0", "os": "iOS 19.1"})
    accepted(post(invented))
    for sent, status in ((invented, 400), (body(), None)):
        answer = receive({}, sent, key_hashes=(), now=NOW, new_id=lambda: REQUEST_ID, takes_invented=False)
        assert (answer.status if isinstance(answer, Refused) else None) == status


# --- whatever comes ----------------------------------------------------------------------------------------


@given(st.lists(JSON, min_size=1, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_what_is_taken_in_is_read_back_as_it_was(
    events: list[Any], indent: int | None, escaped: bool
) -> None:
    text = json.dumps(request(*events), indent=indent, ensure_ascii=escaped)
    answer = post(text.encode("utf-8", "surrogatepass"))
    assert isinstance(answer, Accepted)
    assert [json.loads(bytes(line.event)) for line in envelopes(answer)] == events
    assert answer.lines.count(b"\n") == len(events)


NO_JSON = {
    "a line end in text": b'{"a":"x\ny"}',
    "NUL in text": b'"x\0y"',
    "a tab in text": b'"\t"',
    "half a surrogate": b'"\\ud800"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "overlong UTF-8": b'"\xc0\x80"',
    "an escape that is none": b'"\\q"',
    "two events spliced": b'7}\n{"event":8',
    "a leading zero": b"01",
    "not a number": b"NaN",
    "a comma too many": b'{"a":1,}',
    "a comment": b"/**/7",
    "brackets without end": b"[" * 100_000,
    "brackets": b"[" * 50_000 + b"]" * 50_000,
}


@pytest.mark.parametrize("one", NO_JSON.values(), ids=NO_JSON.keys())
def test_an_event_that_is_no_json_is_refused_with_its_request(one: bytes) -> None:
    assert refused(post(body(event(), "@").replace(b'"@"', one)))[0] == 400


ODD_JSON = {
    "a line's end in text": b'{"a":"}\\n{"}',
    "line separators of Unicode": '"\u2028\u2029\x85"'.encode(),
    "line ends between tokens": b'{\n"a"\r:\r\n[\n1\n]\n}',
    "a number of 5,000 digits": b"1" + b"0" * 5_000,
    "beyond a double": b"1e999",
    "a field twice": b'{"a":1,"a":2}',
    "a field without a name": b'{"":1}',
    "an envelope": b'{"event":{"event":1},"index":7}',
    "a NUL, escaped": b'"\\u0000"',
}


@pytest.mark.parametrize("one", ODD_JSON.values(), ids=ODD_JSON.keys())
def test_odd_json_is_kept_to_the_byte_but_for_line_ends(one: bytes) -> None:
    answer = accepted(post(body("@", event()).replace(b'"@"', one)))
    assert answer.lines.count(b"\n") == answer.events == 2
    odd, plain = (msgspec.json.decode(line, type=Envelope) for line in answer.lines.split(b"\n")[:-1])
    assert bytes(odd.event) == one.replace(b"\r", b" ").replace(b"\n", b" ")
    assert json.loads(bytes(plain.event)) == event()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_json_in_another_encoding_or_with_a_mark_before_it_is_refused(encoding: str) -> None:
    status, error = refused(post(body().decode().encode(encoding)))
    assert (status, error.partition(":")[0]) == (400, "the body is not JSON in UTF-8")


MARK = "c0ffee5ecret"


@given(
    st.binary(max_size=60),
    st.sampled_from(["sent_at", "device_id", "app", "events"]),
    st.integers(0, 400),
    st.sampled_from(["", "gzip", "br"]),
)
@example(b'\\ud800"', "device_id", 60, "")
def test_nothing_breaks_it_and_no_error_tells_of_what_came(
    junk: bytes, field: str, at: int, encoding: str
) -> None:
    whole = json.dumps(request(**{field: {MARK: MARK}})).encode()
    at = min(at, len(whole))
    for sent in (whole, whole[:at] + junk + whole[at:], body()[:at] + junk + MARK.encode(), junk):
        for packed in (sent, gzip.compress(sent), gzip.compress(sent)[:at] + junk):
            answer = post(packed, {"content-encoding": encoding, "x": MARK})
            if isinstance(answer, Refused):
                assert answer.status in (400, 413)
                assert MARK not in answer.error
            else:
                assert len(envelopes(answer)) == answer.events
