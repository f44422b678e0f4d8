"""Reading a reply about a show: sound as a whole, or rejected with every reason; what is new breaks nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.datasets.details import reading
from tally_pipeline.datasets.details.contract import RULES, Offers, Show
from tally_pipeline.datasets.details.reading import ReadReply, read
from testkit.details import OFFERS, offer, show

SHOWS_WITH_OFFERS = 34
EPISODE = {"season_number": 2, "episode_number": 7}


def of(**changes: Any) -> ReadReply:
    return read(msgspec.json.encode(show(1, **changes)), 1)


def offers(**kinds: Any) -> dict[str, Any]:
    return {OFFERS: {"results": {"GB": kinds}}}


@pytest.mark.parametrize(
    ("body", "rule", "says"),
    [
        (b"", "unreadable", "the reply it is empty"),
        (b"<html>", "not_an_object", "the reply it is no JSON at all; it begins '<html>'"),
        (b"[1]", "not_an_object", "the reply it is a list; it begins '[1]'"),
        (b'{"id":1', "unreadable", "the reply it is cut off after 7 bytes; it begins '{\"id\":1'"),
    ],
)
def test_what_is_no_object_of_json_is_rejected_with_its_beginning(body: bytes, rule: str, says: str) -> None:
    assert read(body, 1).reasons == ((rule, says),)


@pytest.mark.parametrize(
    ("changes", "rule", "says"),
    [
        ({"id": 2}, "wrong_show", "`id` is 2, and 1 was asked for"),
        ({"id": ...}, "field_missing", "`id` is not there"),
        ({OFFERS: ...}, "field_missing", "`watch/providers` is not there"),
        ({"id": "1"}, "wrong_type", "`id`: expected `int`, got `str`"),
        ({"id": 0}, "wrong_type", "`id`: expected `int` >= 1"),
        ({"name": 5}, "wrong_type", "`name`: expected `str | null`, got `int`"),
        ({"vote_average": 10.5}, "wrong_type", "`vote_average`: expected `float` <= 10.0"),
        ({"vote_count": 2**31}, "wrong_type", f"`vote_count`: expected `int` <= {2**31 - 1}"),
        ({"genres": [{"id": 18}]}, "field_missing", "`genres[0]`: object missing required field `name`"),
        ({"seasons": [{}]}, "field_missing", "`seasons[0]`: object missing required field `season_number`"),
        (
            offers(buy=[{"provider_id": None}]),
            "wrong_type",
            "`watch/providers.results[...].buy[0].provider_id`: expected `int`, got `null`",
        ),
        ({OFFERS: {}}, "field_missing", "`watch/providers`: object missing required field `results`"),
        (
            offers(rent={}),
            "wrong_type",
            "`watch/providers.results[...].rent`: expected `array`, got `object`",
        ),
        (
            {"first_air_date": "2025-02-29"},
            "impossible_date",
            "`first_air_date` is '2025-02-29', and no day of the",
        ),
        ({"last_air_date": "1.1.2025"}, "impossible_date", "`last_air_date` is '1.1.2025'"),
        (
            {"next_episode_to_air": {"season_number": 1, "episode_number": 1, "air_date": "soon"}},
            "impossible_date",
            "`next_episode_to_air.air_date` is 'soon'",
        ),
        (
            {"seasons": [{"season_number": 3, "air_date": "0"}]},
            "impossible_date",
            "`seasons[3].air_date` is '0'",
        ),
        (
            {
                "season/2": {
                    "season_number": 2,
                    "episodes": [{"season_number": 2, "episode_number": 7, "air_date": "-"}],
                }
            },
            "impossible_date",
            "`season/2 episode 7 air_date` is '-'",
        ),
        ({"season/2": {"season_number": -1}}, "wrong_type", "`season/2.season_number`: expected `int` >= 0"),
        ({"season/2": {}}, "field_missing", "`season/2`: object missing required field `season_number`"),
    ],
)
def test_a_broken_rule_is_told_with_the_field_that_breaks_it(
    changes: dict[str, Any], rule: str, says: str
) -> None:
    told = of(**changes)
    assert told.show is None
    assert rule in RULES
    ((found, words),) = told.reasons
    assert found == rule
    assert words.startswith(says)


def test_every_reason_against_a_reply_is_told_not_the_first_alone() -> None:
    told = of(name=1, popularity=-1, vote_count="many", **{OFFERS: ...})
    assert [words.partition("`:")[0].strip("`") for _, words in told.reasons] == [
        "watch/providers` is not there",
        "name",
        "popularity",
        "vote_count",
    ]


def test_blank_and_absent_fields_break_nothing() -> None:
    bare = {"id": 1, OFFERS: {"results": {}}}
    assert read(msgspec.json.encode(bare), 1).show == Show(id=1, offers=Offers(results={}))
    assert of(first_air_date="", last_air_date=None, name=None, seasons=None, keywords=None).show is not None


def test_a_new_kind_of_offer_is_told_and_the_known_ones_stay() -> None:
    told = of(**offers(flatrate=[offer(8)], lease=[offer(9)], link="x"))
    assert told.new_fields == {"watch/providers.lease"}
    assert told.reasons == ()
    assert told.show is not None
    assert [one.provider_id for one in told.show.offers.results["GB"].flatrate] == [8]


def test_a_new_field_is_told_and_a_season_is_none() -> None:
    told = of(mood="gay", **{"season/1": {"season_number": 1}, "season/x": {}})
    assert told.new_fields == {"mood", "season/x"}
    assert told.show is not None


def test_a_broken_reply_still_tells_what_is_new_in_it() -> None:
    assert of(mood=1, name=2, **offers(lease=[])).new_fields == {"mood", "watch/providers.lease"}


def test_a_lone_surrogate_in_a_field_that_no_column_is_made_from_costs_nothing() -> None:
    body = msgspec.json.encode(show(1, tagline="X")).replace(b'"X"', rb'"\ud800"')
    told = read(body, 1)
    assert told.show is not None, told.reasons
    assert told.show.name == "Show 1"
    named = msgspec.json.encode(show(1, name="X")).replace(b'"X"', rb'"\ud800"')
    assert [rule for rule, _ in read(named, 1).reasons] == ["wrong_type"]


def test_a_byte_order_mark_costs_nothing() -> None:
    assert read(b"\xef\xbb\xbf" + msgspec.json.encode(show(1)), 1).show is not None


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "name", "results"]), inner)
    ),
    max_leaves=4,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


@given(st.data())
def test_the_diagnosis_agrees_with_the_fast_path_whatever_is_changed_anywhere(data: st.DataObject) -> None:
    whole = show(
        1, **{"season/1": {"season_number": 1, "episodes": [{"season_number": 1, "episode_number": 1}]}}
    )
    changed = copy.deepcopy(whole)
    for _ in range(data.draw(st.integers(0, 2))):
        *parents, last = data.draw(st.sampled_from([place for place in _places(changed) if place]))
        at = changed
        for key in parents:
            at = at[key]
        at[last] = data.draw(VALUES)
    body = json.dumps(changed).encode()
    parts = reading._object.decode(body)
    diagnosed, running, reasons, kinds = reading._diagnose(parts, "season/1" if "season/1" in parts else None)
    try:
        fast = reading._show.decode(body)
        season = reading._season.decode(parts["season/1"]) if "season/1" in parts else None
    except msgspec.DecodeError:
        assert reasons or kinds
    else:
        assert (diagnosed, running, reasons) == (fast, season, [])
    told = read(body, 1)
    assert (told.show is None) == bool(told.reasons)


def test_every_recorded_reply_is_sound_and_has_no_field_that_is_new(recordings: Path) -> None:
    folder = recordings / "2025-12-24"
    no_offers = b'"watch/providers":{"results":{}}'
    found = 0
    for path in sorted(folder.glob("tv_*_watch_providers.json")):
        found += 1
        show_id = int(path.name.split("_")[1])
        details = folder / f"tv_{show_id}.json"
        whole = details.read_bytes().rstrip() if details.exists() else b'{"id":%d}' % show_id
        spliced = whole[:-1] + b',"watch/providers":' + path.read_bytes() + b"}"
        told = read(spliced, show_id)
        assert (told.show is not None, told.reasons, told.new_fields) == (True, (), frozenset()), path
    assert found == SHOWS_WITH_OFFERS
    for path in sorted(recordings.glob("*/tv_*.json")):
        words = path.stem.split("_")
        if len(words) == 2 and words[1].isdigit() and b'"status_code"' not in path.read_bytes():
            told = read(path.read_bytes().rstrip()[:-1] + b"," + no_offers + b"}", int(words[1]))
            assert (told.show is not None, told.reasons, told.new_fields) == (True, (), frozenset()), path
