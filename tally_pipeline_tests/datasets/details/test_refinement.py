"""Refining details: histories drawn by chance against plain Python, and every reply and row accounted for."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze.details_capture import Carried, Manifest, PartRef, Reply, UnreadableDetailsError
from tally_pipeline.datasets.details.contract import QUARANTINE, SILVER
from tally_pipeline.datasets.details.known import CARRY_DAYS, carried_from
from tally_pipeline.datasets.details.refinement import Refined, refine
from tally_pipeline.lake import parquet
from testkit import details, plain_details
from testkit.details import Parts, manifest, offer, show

DAY = "2026-01-07"
FIRST = date(2026, 1, 1)


def refined(*replies: Reply, day: str = DAY, **changes: Any) -> Refined:
    parts = Parts()
    return refine(manifest(day, [parts.put(day, "a", replies)], **changes), parts.read)


def test_a_row_holds_every_cell_of_the_reply() -> None:
    season = {"season_number": 1, "episode_number": 2, "air_date": "2024-03-07", "runtime": 0, "name": " "}
    body = show(
        7,
        **{"season/1": {"season_number": 1, "episodes": [season]}},
        networks=[{"id": 1, "name": "BBC One"}, {"id": 2, "name": "BBC One"}, {"id": 3, "name": ""}],
        content_ratings={
            "results": [
                {"iso_3166_1": "US", "rating": ""},
                {"iso_3166_1": "US", "rating": "TV-14"},
                {"iso_3166_1": "DE", "rating": "12"},
                {"iso_3166_1": "DE", "rating": "16"},
            ]
        },
    )
    told = refined(details.reply(7, body))
    assert told.silver.schema.equals(SILVER, check_metadata=True)
    (row,) = told.silver.to_pylist()
    assert row == plain_details.row(details.reply(7, body).body, DAY, 0)
    assert (row["ratings"], row["networks"]) == ([("DE", "12"), ("US", "TV-14")], ["BBC One"])
    assert (row["runtime"], row["origin_country"], row["last_air_date"]) == (50, ["GB"], None)
    assert [one["season_number"] for one in row["season_list"]] == [0, 1]
    assert row["running_episodes"][0]["name"] is row["running_episodes"][0]["runtime"] is None


def test_offers_stand_by_kind_provider_and_country_each_once() -> None:
    by_kind = {"buy": [offer(2), offer(1)], "flatrate": [offer(8), offer(8, "Named again")], "link": "x"}
    told = refined(
        details.reply(
            1,
            show(
                1,
                **{
                    details.OFFERS: {
                        "results": {"US": by_kind, "DE": {"free": [offer(3)], "buy": [offer(2)]}}
                    }
                },
            ),
        )
    )
    (offers,) = told.silver["offers"].to_pylist()
    assert [(one["country"], one["kind"], one["provider_id"], one["provider_name"]) for one in offers] == [
        ("US", "flatrate", 8, "Named again"),
        ("US", "buy", 1, "Provider 1"),
        ("DE", "buy", 2, "Provider 2"),
        ("US", "buy", 2, "Provider 2"),
        ("DE", "free", 3, "Provider 3"),
    ]
    assert told.counts.offers == told.counts.fresh_offers == 5


def test_a_rejected_reply_is_in_quarantine_with_every_reason_and_its_text() -> None:
    body = b'{"id":2,"name":7,"vote_count":"\xff","watch/providers":{"results":{}}}'
    told = refined(details.reply(1), details.reply(2, body), details.gone(3))
    assert told.quarantine.schema.equals(QUARANTINE)
    (row,) = told.quarantine.to_pylist()
    assert (row["show_id"], row["raw"]) == (2, body.decode(errors="backslashreplace"))
    assert (row["rules"], len(row["reasons"])) == (["wrong_type"], 2)
    assert row["bronze_key"].endswith("dt=2026-01-07/parts/a-0000.jsonl.zst")
    assert (told.counts.by_rule, told.counts.gone, told.counts.pass_rate) == ({"wrong_type": 1}, 1, 50)


def test_the_same_replies_give_the_same_bytes() -> None:
    replies = [details.reply(number) for number in (3, 1, 2)]
    once, again = refined(*replies), refined(*reversed(replies))
    assert parquet.encode_table(once.silver) == parquet.encode_table(again.silver)


def test_a_day_without_any_show_is_an_empty_table_of_the_right_columns() -> None:
    told = refine(manifest(DAY), Parts().read)
    assert told.silver.schema.equals(SILVER, check_metadata=True)
    assert (told.silver.num_rows, told.counts.balanced, told.counts.pass_rate) == (0, True, 0)


def test_a_part_that_is_not_the_named_one_stops_the_refining() -> None:
    def broken(part: PartRef) -> list[Reply]:
        raise UnreadableDetailsError(f"{part.key} hashes to something else")

    with pytest.raises(UnreadableDetailsError, match="hashes to something else"):
        refine(manifest(DAY, [PartRef(key="k", sha256="s", shows=(1,))]), broken)


def test_a_carried_part_that_is_gone_is_counted_by_its_shows_and_costs_nothing_else() -> None:
    parts = Parts()
    here, lost = (
        parts.put(DAY, "a", [details.reply(1)]),
        parts.put("2026-01-05", "b", [details.reply(n) for n in (1, 2, 3)]),
    )
    kept = parts.put("2026-01-06", "c", [details.reply(4)])
    del parts.bodies[lost.key]
    told = refine(
        manifest(
            DAY, [here], carried=[Carried(dt="2026-01-05", part=lost), Carried(dt="2026-01-06", part=kept)]
        ),
        parts.read,
    )
    assert told.silver["show_id"].to_pylist() == [1, 4]
    assert (told.counts.lost, told.counts.carried, told.counts.oldest_days) == (2, 1, 1)


# --- histories ---------------------------------------------------------------------------------------------

DAYS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 2, 7, CARRY_DAYS, CARRY_DAYS + 1]),
        st.dictionaries(
            st.integers(1, 9), st.sampled_from(["sound", "other", "gone", "rejected", "missing"]), max_size=9
        ),
    ),
    min_size=1,
    max_size=8,
)
"""The days since the capture before, and what came of each show."""

SHAPES = {
    "sound": lambda number, day: details.reply(number, show(number, overview=f"As of {day}.")),
    "other": lambda number, day: details.reply(
        number, {"id": number, details.OFFERS: {"results": {}}, "day": day}
    ),
    "gone": lambda number, day: details.gone(number),
    "rejected": lambda number, day: details.reply(number, show(number, name=7, overview=day)),
}


@dataclass
class _Plain:
    """What is known of each show by the newest reply: kept as dicts, and worked out anew each day."""

    newest: dict[int, tuple[int, str, Reply]] = field(default_factory=dict)

    def day(self, number: int, came: dict[int, tuple[str, Reply]]) -> list[dict[str, Any]]:
        rows = {}
        for show_id, (ago, what, reply) in self.newest.items():
            settled = came.get(show_id, ("", reply))[0] in ("sound", "other", "gone")
            if number - ago <= CARRY_DAYS and what in ("sound", "other") and not settled:
                rows[show_id] = plain_details.row(reply.body, _day(ago), number - ago)
        for show_id, (what, reply) in came.items():
            if what in ("sound", "other"):
                rows[show_id] = plain_details.row(reply.body, _day(number), 0)
            elif what == "gone":
                rows[show_id] = plain_details.gone_row(show_id, _day(number))
            self.newest[show_id] = (number, what, reply)
        return [rows[show_id] for show_id in sorted(rows)]


def _day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


@given(DAYS, st.randoms(use_true_random=False))
def test_any_history_gives_what_plain_python_makes_of_it_whatever_the_order_of_parts(
    days: list[tuple[int, dict[int, str]]], dice: random.Random
) -> None:
    parts, plain, last = Parts(), _Plain(), None
    number = 0
    for gap, events in days:
        number += gap
        day = _day(number)
        came = {one: (what, SHAPES[what](one, day)) for one, what in events.items() if what != "missing"}
        replies = [reply for _, reply in came.values()]
        cut = dice.randint(0, len(replies))
        refs = [
            parts.put(day, "a", some, place)
            for place, some in enumerate((replies[:cut], replies[cut:]))
            if some
        ]
        capture = manifest(
            day,
            refs,
            carried=carried_from(last, day) if last else (),
            gone=[one for one, (what, _) in came.items() if what == "gone"],
            missing=[one for one, what in events.items() if what == "missing"],
        )
        told = refine(capture, parts.read)
        assert told.silver.to_pylist() == plain.day(number, came)
        _accounted_for(told, capture, came)
        again = refine(_shuffled(capture, dice), parts.read)
        assert again == told
        last = capture


def _accounted_for(told: Refined, capture: Manifest, came: dict[int, tuple[str, Reply]]) -> None:
    counts, whats = told.counts, [what for what, _ in came.values()]
    assert counts.balanced
    assert counts.replies == len(came) == sum(len(part.shows) for part in capture.parts)
    assert counts.gone == whats.count("gone") == len(capture.gone)
    assert counts.quarantined == whats.count("rejected") == told.quarantine.num_rows
    assert counts.fresh == whats.count("sound") + whats.count("other") == capture.got - counts.quarantined
    assert counts.offers == sum(map(len, told.silver["offers"].to_pylist()))
    assert counts.untitled == told.silver["title"].null_count - counts.gone
    assert counts.new_fields == ({"day": whats.count("other")} if "other" in whats else {})
    assert counts.lost == 0


def _shuffled(capture: Manifest, dice: random.Random) -> Manifest:
    fields = {name: getattr(capture, name) for name in capture.__struct_fields__}
    for name in ("parts", "carried"):
        fields[name] = tuple(dice.sample(fields[name], len(fields[name])))
    return Manifest(**fields)
