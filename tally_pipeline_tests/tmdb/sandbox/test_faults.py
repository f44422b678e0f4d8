"""Faults of the sandbox: each does to a reply what its description says, and is read from text."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import monotonic

import pytest
import requests

from tally_pipeline import clock
from tally_pipeline.tmdb.sandbox import FAULTS, Fault, Sandbox, details_body, parse_fault
from tally_pipeline.tmdb.sandbox.faults.bad_rows import DEFECTS
from tally_pipeline.tmdb.sandbox.replies import list_body
from tally_pipeline_tests.tmdb.sandbox.conftest import DAY

Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(start: Callable[..., Sandbox], session: requests.Session) -> Ask:
    """GETs a page of a list from one sandbox with these faults."""
    running: dict[tuple[str, ...], Sandbox] = {}

    def ask_(*faults: str, page: int = 1, path: str = "/tv/popular", timeout: float = 5) -> requests.Response:
        if faults not in running:
            running[faults] = start(*faults)
        return session.get(running[faults].base_url + path, params={"page": str(page)}, timeout=timeout)

    return ask_


def test_rate_limited_says_how_many_seconds_to_wait(ask: Ask) -> None:
    reply = ask("rate-limited:seconds=3")
    assert (reply.status_code, reply.headers["Retry-After"], reply.json()["status_code"]) == (429, "3", 25)


def test_rate_limited_date_says_until_when_to_wait(ask: Ask) -> None:
    reply = ask("rate-limited-date:seconds=60")
    until = parsedate_to_datetime(reply.headers["Retry-After"])
    assert reply.status_code == 429
    assert 50 < (until - clock.now()).total_seconds() <= 60


def test_rate_limited_silent_does_not_say_how_long(ask: Ask) -> None:
    reply = ask("rate-limited-silent")
    assert (reply.status_code, reply.json()["status_code"]) == (429, 25)
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize("status", [200, 503])
def test_code_25_comes_under_another_status(ask: Ask, status: int) -> None:
    reply = ask(f"code-25:status={status}")
    assert (reply.status_code, reply.json()["status_code"]) == (status, 25)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_error_is_html(ask: Ask, status: int) -> None:
    reply = ask(f"server-error:status={status}")
    assert reply.status_code == status
    assert reply.headers["Content-Type"] == "text/html"
    assert "Back-end server is at capacity" in reply.text


def test_broken_page_stays_broken_and_is_the_only_one(ask: Ask) -> None:
    assert [ask("broken-page:page=2", page=2).status_code for _ in range(4)] == [503] * 4
    assert ask("broken-page:page=2", page=1).status_code == 200


def test_timeout_replies_later_than_the_client_waits(ask: Ask) -> None:
    with pytest.raises(requests.ReadTimeout):
        ask("timeout", timeout=0.2)


def test_slow_sends_the_whole_body_bit_by_bit(ask: Ask) -> None:
    began = monotonic()
    reply = ask("slow:seconds=0.5")
    assert monotonic() - began >= 0.4
    assert reply.content == list_body("/tv/popular", 1, DAY)


def test_reset_breaks_the_connection(ask: Ask) -> None:
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        ask("reset")


def test_truncated_promises_more_bytes_than_it_sends(ask: Ask) -> None:
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        ask("truncated")


def test_truncated_json_arrives_whole_and_does_not_parse(ask: Ask) -> None:
    reply = ask("truncated-json")
    assert reply.status_code == 200
    assert list_body("/tv/popular", 1, DAY).startswith(reply.content)
    with pytest.raises(requests.JSONDecodeError):
        reply.json()


def test_html_comes_under_200(ask: Ask) -> None:
    reply = ask("html")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html")
    assert reply.text.startswith("<!DOCTYPE html>")


def test_error_body_comes_under_200(ask: Ask) -> None:
    assert (ask("error-body").status_code, ask("error-body").json()["status_code"]) == (200, 11)
    assert ask("error-body:code=46").json()["status_code"] == 46


def test_empty_has_no_rows_and_totals_of_0(ask: Ask) -> None:
    assert ask("empty").json() == {"page": 1, "results": [], "total_pages": 0, "total_results": 0}


def test_empty_page_has_no_rows_and_the_lists_totals(ask: Ask) -> None:
    page = ask("empty-page:page=2", page=2).json()
    assert page["results"] == []
    assert page["total_pages"] > 2
    assert len(ask("empty-page:page=2", page=3).json()["results"]) == 20


def test_same_rows_are_page_1s_under_each_pages_own_number(ask: Ask) -> None:
    first, third = ask(page=1).json(), ask("same-rows", page=3).json()
    assert (third["page"], third["results"]) == (3, first["results"])
    assert third["total_pages"] == first["total_pages"]


def test_repeats_stand_in_place_of_a_pages_first_rows(ask: Ask) -> None:
    before, good = ask(page=2).json()["results"], ask(page=3).json()["results"]
    assert ask("repeats:count=4", page=3).json()["results"] == [*before[-4:], *good[4:]]
    assert ask("repeats", page=1).content == ask(page=1).content


def test_wrong_totals_are_told_whatever_the_list_holds(ask: Ask) -> None:
    page = ask("wrong-totals", page=2).json()
    assert (page["total_pages"], page["total_results"], len(page["results"])) == (0, 0, 20)
    page = ask("wrong-totals:pages_told=2", page=3).json()
    assert (page["total_pages"], page["total_results"]) == (2, 40)


def test_bad_rows_break_the_contract_in_every_way(ask: Ask) -> None:
    good = {row["id"]: row for row in ask(page=1).json()["results"]}
    rows = ask("bad-rows:count=12").json()["results"]
    assert len(rows) == 20
    assert len([row for row in rows if not isinstance(row, dict) or good.get(row.get("id")) != row]) == 12
    objects = [row for row in rows if isinstance(row, dict)]
    assert [row for row in rows if not isinstance(row, dict)] == ["a row that is a text", None, 42]
    assert sum("id" not in row for row in objects) == 1
    assert sum(isinstance(row.get("id"), str) for row in objects) == 1
    for field, bad in (
        ("name", "  "),
        ("vote_average", 11),
        ("vote_count", -1),
        ("first_air_date", "2023-02-30"),
        ("genre_ids", "18,35"),
        ("popularity", -0.5),
    ):
        assert sum(row[field] == bad for row in objects) == 1, field
    assert sum(isinstance(row["popularity"], str) for row in objects) == 1


def test_bad_rows_are_a_share_of_each_page_and_differ_between_pages(ask: Ask) -> None:
    spoiled = []
    for page in (1, 2):
        good = ask(page=page).json()["results"]
        rows = ask("bad-rows:share=0.15", page=page).json()["results"]
        spoiled.append([row for row, usual in zip(rows, good, strict=True) if row != usual])
    assert [len(rows) for rows in spoiled] == [3, 3]
    assert "id" not in spoiled[0][0]
    assert spoiled[1][0]["vote_count"] == -1


@pytest.mark.parametrize("defect", list(DEFECTS))
def test_bad_rows_can_all_have_one_defect(ask: Ask, defect: str) -> None:
    good = ask().json()["results"]
    rows = ask(f"bad-rows:count=2,defect={defect}").json()["results"]
    bad = [(row, usual) for row, usual in zip(rows, good, strict=True) if row != usual]
    assert len(bad) == 2
    assert all(row == DEFECTS[defect](usual) for row, usual in bad)


def test_new_field_is_on_every_row_and_the_etag_still_hashes(ask: Ask) -> None:
    reply = ask("new-field:field=aroma")
    assert all(row["aroma"] == "wobbly" for row in reply.json()["results"])
    assert reply.headers["ETag"] != ask().headers["ETag"]


def test_lost_field_is_on_no_row(ask: Ask) -> None:
    assert not any("vote_average" in row for row in ask("lost-field").json()["results"])
    assert not any("id" in row for row in ask("lost-field:field=id").json()["results"])


def test_retyped_field_is_a_text_on_every_row(ask: Ask) -> None:
    assert all(isinstance(row["vote_average"], str) for row in ask("retyped-field").json()["results"])


def test_wrong_page_is_another_page(ask: Ask) -> None:
    assert ask("wrong-page", page=4).content == list_body("/tv/popular", 5, DAY)


def test_unauthorized_can_come_midway(ask: Ask) -> None:
    fault = "unauthorized:pages=3+"
    assert [ask(fault, page=page).status_code for page in (1, 2, 3, 4)] == [200, 200, 401, 401]
    assert ask(fault, page=3).json() == {
        "status_code": 7,
        "status_message": "Invalid API key: You must be granted a valid key.",
        "success": False,
    }


def test_forbidden_is_code_45(ask: Ask) -> None:
    assert (ask("forbidden").status_code, ask("forbidden").json()["status_code"]) == (403, 45)


def test_a_fault_heals_after_its_times_on_each_page(ask: Ask) -> None:
    fault = "server-error:times=2"
    assert [ask(fault, page=1).status_code for _ in range(3)] == [503, 503, 200]
    assert [ask(fault, page=2).status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_strikes_only_the_list_it_names(ask: Ask) -> None:
    fault = "server-error:list=trending_shows"
    assert ask(fault, path="/trending/tv/day").status_code == 503
    assert ask(fault, path="/tv/popular").status_code == 200
    assert ask("unauthorized", path="/genre/tv/list").status_code == 401


SHOW = "/tv/7000512"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("server-error", 503),
        ("broken-page", 503),
        ("rate-limited", 429),
        ("error-body:code=34,status=404", 404),
        ("html", 200),
        ("truncated-json", 200),
    ],
)
def test_faults_strike_the_details_of_the_show_they_name(ask: Ask, fault: str, status: int) -> None:
    text = fault + ("," if ":" in fault else ":") + "show=7000512"
    reply = ask(text, path=SHOW)
    whole = details_body(7000512, (), DAY)
    assert whole is not None
    assert reply.status_code == status
    assert reply.content != whole
    assert len(ask(text, path="/tv/7000513").content) > 1000
    assert ask(text, path=f"{SHOW}/watch/providers").content == reply.content or fault == "truncated-json"
    assert ask(text).content == list_body("/tv/popular", 1, DAY)


def test_a_truncated_reply_of_details_breaks_off(ask: Ask) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask("truncated:list=details", path=SHOW)


def test_the_pages_of_details_are_the_last_two_digits_of_ids(ask: Ask) -> None:
    fault = "server-error:list=details,pages=10-19,times=1"
    assert [ask(fault, path=f"/tv/70005{n}").status_code for n in ("09", "10", "19", "20")] == [
        200,
        503,
        503,
        200,
    ]
    assert ask(fault, path="/tv/7000510").status_code == 200
    assert ask(fault, page=10).status_code == 200
    assert ask("server-error:list=details,page=100", path="/tv/7000500").status_code == 503


def test_pages_without_a_list_are_not_those_of_details_and_a_fault_without_both_strikes_all(ask: Ask) -> None:
    assert ask("server-error:page=12", path=SHOW).status_code == 200
    assert ask("server-error:page=12", page=12).status_code == 503
    assert ask("unauthorized", path=SHOW).status_code == 401


def test_faults_of_rows_strike_a_shows_fields(ask: Ask) -> None:
    parts = f"{SHOW}?append_to_response=watch/providers"
    assert ask("lost-field:list=details,field=seasons", path=SHOW).json().keys() == ask(
        path=SHOW
    ).json().keys() - {"seasons"}
    assert "watch/providers" in ask(path=parts).json()
    assert "watch/providers" not in ask("lost-field:list=details,field=watch/providers", path=parts).json()
    assert ask("new-field:list=details", path=SHOW).json()["mood"] == "wobbly"
    assert isinstance(ask("retyped-field:list=details,field=vote_count", path=SHOW).json()["vote_count"], str)
    assert "id" not in ask("bad-rows:list=details,defect=no-id", path=SHOW).json()
    assert ask("wrong-page:list=details", path=SHOW).json()["id"] == 7000513
    assert ask("empty-page:show=7000512", path=SHOW).json() == ask(path=SHOW).json()


def test_several_faults_work_together(ask: Ask) -> None:
    faults = ("server-error:page=1,times=1", "new-field", "lost-field")
    assert ask(*faults).status_code == 503
    row = ask(*faults).json()["results"][0]
    assert "mood" in row
    assert "vote_average" not in row


def test_every_fault_has_a_description_of_one_sentence() -> None:
    for kind in FAULTS.values():
        assert re.fullmatch(r"[A-Z0-9][^\n]*[^.]\.", kind.description)


def test_a_fault_is_read_from_text() -> None:
    assert parse_fault("server-error:page=3,times=2,list=popular_shows,status=502") == Fault(
        "server-error", {"status": 502}, list_name="popular_shows", first=3, last=3, times=2
    )
    assert (parse_fault("reset:pages=2-4").first, parse_fault("reset:pages=2-4").last) == (2, 4)
    assert (parse_fault("reset:pages=3+").first, parse_fault("reset:pages=3+").last) == (3, 500)
    assert parse_fault("empty") == Fault("empty")
    assert parse_fault("reset:show=7000012") == Fault("reset", show=7000012)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("meteor", "there is no fault 'meteor'; the faults are: rate-limited, "),
        ("", "there is no fault ''"),
        ("reset:speed=3", "reset has no option 'speed'; its options are: page, pages, times, list"),
        ("reset:page", "'page' is not key=value"),
        ("reset:page=0", "page.*0 is not a whole number above 0"),
        ("reset:pages=4-2", "ends before it begins"),
        ("reset:page=1,pages=2+", "page= or pages=, not both"),
        ("reset:list=populr", "no list 'populr'; the lists are: popular_shows, "),
        ("reset:show=7,page=2", "show= names the details of one show: leave page="),
        ("reset:show=7,list=popular_shows", "show= is of details, not of popular_shows"),
        ("reset:times=many", "times=many is not a whole number"),
        ("broken-page", "needs a page, as in broken-page:page=3"),
        ("timeout:seconds=soon", "seconds=soon is not a number"),
        ("timeout:seconds=nan", "seconds=nan is not a number from 0 up"),
        ("server-error:status=99", "not an HTTP status"),
        ("error-body:code=99", "TMDB has no error code 99"),
        ("bad-rows:defect=rust", "there is no defect 'rust'; there are: no-id"),
    ],
)
def test_a_fault_that_cannot_be_read_says_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_fault(text)
