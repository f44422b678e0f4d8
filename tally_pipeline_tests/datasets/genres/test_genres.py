from __future__ import annotations

import hashlib

import pytest

from tally_pipeline.bronze import genre_reply
from tally_pipeline.bronze.genre_reply import Metadata, UnreadableGenresError
from tally_pipeline.datasets.genres import checks, refinement
from tally_pipeline.datasets.shows.contract import GENRES

BODY = b'{"genres":[{"id":37,"name":"Western"},{"id":16,"name":"Animation","new":[1]}]}'


def test_a_reply_comes_back_byte_for_byte_with_its_hash() -> None:
    kept = genre_reply.decode(genre_reply.encode(BODY, Metadata(language="en-US")))
    assert kept.reply == BODY
    assert kept.metadata.sha256 == hashlib.sha256(BODY).hexdigest()


def test_a_byte_order_mark_is_left_out() -> None:
    kept = genre_reply.decode(genre_reply.encode(b'\xef\xbb\xbf{"genres":[]}', genre_reply.Metadata()))
    assert kept.reply == b'{"genres":[]}'


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"genres":null}', r"its `genres` is not a list \(it is null\)"),
        (b'{"genres":{"18":"Drama"}}', r"its `genres` is not a list \(it is an object\)"),
        (b"[]", r"it is not a JSON object \(it is a list\)"),
        (b"{}", "it has no `genres`"),
    ],
)
def test_a_reply_that_is_no_list_of_genres_is_refused_in_clear_words(body: bytes, says: str) -> None:
    with pytest.raises(UnreadableGenresError, match=says):
        genre_reply.check_reply(body)


def test_genres_stand_by_id_in_their_language() -> None:
    refined = refinement.refine(genre_reply.decode(genre_reply.encode(BODY, Metadata(language="da"))))
    assert refined.silver.to_pylist() == [
        {"id": 16, "name": "Animation", "language": "da"},
        {"id": 37, "name": "Western", "language": "da"},
    ]


@pytest.mark.parametrize(
    "genre", ['{"id":1}', '{"id":"1","name":"x"}', '{"id":1,"name":" "}', "null", '{"id":0,"name":"x"}']
)
def test_a_genre_without_id_or_name_is_named(genre: str) -> None:
    body = f'{{"genres":[{genre},{{"id":18,"name":"Drama"}}]}}'.encode()
    refined = refinement.refine(genre_reply.decode(genre_reply.encode(body, Metadata())))
    assert refined.rejected == (genre,)
    assert refined.silver["id"].to_pylist() == [18]


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"reply":[]}', b'{"reply":{"genres":3}}'])
def test_what_is_no_capture_of_genres_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableGenresError):
        genre_reply.decode(body)


def test_a_new_genre_and_a_lost_one_are_warned_of_by_id() -> None:
    ids = [genre for genre in GENRES if genre != 37] + [12345]
    finding = checks.genres_as_contracted(ids)
    assert not finding.passed
    assert not finding.serious
    assert list(finding.offenders) == [{"genre_id": 12345, "what": "new"}, {"genre_id": 37, "what": "gone"}]


@pytest.mark.parametrize(("left", "serious"), [(16, False), (8, False), (7, True), (0, True)])
def test_a_list_without_most_of_the_genres_is_taken_for_broken(left: int, serious: bool) -> None:
    finding = checks.genres_as_contracted(list(GENRES)[:left])
    assert (finding.passed, finding.serious) == (left == 16, serious)


def test_a_genre_listed_twice_is_an_error() -> None:
    finding = checks.genre_id_unique([16, 18, 16])
    assert (finding.passed, list(finding.offenders)) == (False, [{"genre_id": 16}])
