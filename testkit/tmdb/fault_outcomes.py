"""The outcome of a sync under every fault of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PAGES = 3


@dataclass(frozen=True)
class Outcome:
    """The outcome of a sync. `verdict` is the capture's, None without one.

    `checks` are those that did not pass; every other check must. `says` is in the error that people read.
    """

    name: str
    verdict: str | None = "complete"
    published: bool = True
    retried: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    rows: int = 20 * PAGES
    quarantined: int = 0
    repeats: int = 0
    new_fields: tuple[str, ...] = ()


HEALS = Outcome("a retry gets the page: published", retried=True)


UNHARMED = Outcome("published at the first attempt")


def partial(page: int, *, retried: bool = True, rows: int = 40) -> Outcome:
    return Outcome(
        "what came is kept in bronze as partial, nothing is published",
        verdict="partial",
        published=False,
        retried=retried,
        checks={"page_set_complete": "failed"},
        says=f"of 3 pages came back; missing: {page}",
        rows=rows,
    )


def refused(says: str, *, retried: bool = True) -> Outcome:
    return Outcome("no capture", verdict=None, published=False, retried=retried, says=says, rows=0)


def rejected(share: str, quarantined: int, **checks: str) -> Outcome:
    return Outcome(
        "below the bar: quarantined, not published",
        published=False,
        checks={"pass_rate": "failed", **checks},
        says=rf"{share} % of 60 rows keep every rule; 95 % must.*The day's last good file stays",
        quarantined=quarantined,
    )


EMPTY = Outcome(
    "an empty capture is kept, never published",
    verdict="empty",
    published=False,
    checks={"not_empty": "failed", "page_set_complete": "failed"},
    says="holds no rows. Silver keeps its last good file",
    rows=0,
)


OUTCOMES: Mapping[str, Mapping[str, Outcome]] = {
    "rate-limited": {
        "rate-limited:page=2,times=1,seconds=0.2": HEALS,
        "rate-limited:page=2,seconds=0.2": partial(2),
        "rate-limited:seconds=3600": refused(
            "asking to wait 3600 s.*Tally waits 120 s at most", retried=False
        ),
    },
    "rate-limited-date": {
        "rate-limited-date:page=2,times=1": HEALS,
        "rate-limited-date:page=2": partial(2),
        "rate-limited-date:seconds=3600": refused("asking to wait 3600 s", retried=False),
    },
    "rate-limited-silent": {
        "rate-limited-silent:page=2,times=1": HEALS,
        "rate-limited-silent": refused("HTTP 429, code 25.*after 2 attempts"),
    },
    "code-25": {
        "code-25:page=2,times=1": HEALS,
        "code-25:status=503,page=2,times=1": HEALS,
        "code-25": refused("HTTP 200, code 25.*Run it again later"),
    },
    "server-error": {
        "server-error:page=1,times=1": HEALS,
        "server-error:page=3": partial(3),
        "server-error": refused("HTTP 503.*after 2 attempts.*This usually passes: run it again later"),
    },
    "broken-page": {
        "broken-page:page=3": partial(3),
        "broken-page:page=1": refused("HTTP 503.*page 1"),
    },
    "timeout": {
        "timeout:page=2,times=1": HEALS,
        "timeout:page=2": partial(2),
        "timeout": refused("did not answer within 1 s.*Check the network"),
    },
    "slow": {"slow:seconds=0.3": UNHARMED},
    "reset": {
        "reset:page=2,times=1": HEALS,
        "reset:page=2": partial(2),
        "reset": refused("connection to TMDB failed.*Check the network"),
    },
    "truncated": {
        "truncated:page=2,times=1": HEALS,
        "truncated:page=3": partial(3),
        "truncated": refused("broke off"),
    },
    "wrong-length": {
        "wrong-length:page=2,times=1": HEALS,
        "wrong-length:page=2": partial(2),
        "wrong-length": refused(""),
    },
    "truncated-json": {
        "truncated-json:page=2,times=1": HEALS,
        "truncated-json:page=2": partial(2),
        "truncated-json": refused("not with the page"),
    },
    "html": {
        "html:page=2,times=1": HEALS,
        "html:page=2": partial(2),
        "html": refused("HTTP 200, but not with the page: the reply is not a JSON object"),
    },
    "error-body": {
        "error-body:page=2,times=1": HEALS,
        "error-body": refused("HTTP 200, code 11: Internal error"),
        "error-body:code=34": refused("HTTP 200, code 34.*Check TMDB_BASE_URL", retried=False),
    },
    "empty": {"empty": EMPTY, "empty:page=2": partial(2)},
    "empty-page": {
        "empty-page:page=2,times=1": HEALS,
        "empty-page:page=2": partial(2),
    },
    "bad-rows": {
        "bad-rows:count=1,page=2": Outcome("the bad row is quarantined, the rest published", quarantined=1),
        "bad-rows:share=0.05": Outcome("at the bar it is published", quarantined=3),
        "bad-rows:share=0.1": rejected("90.00", 6),
    },
    "new-field": {
        "new-field": Outcome(
            "announced and published", checks={"fields_known": "warning"}, new_fields=("mood",)
        ),
    },
    "lost-field": {
        "lost-field": rejected("0.00", 60, fields_known="failed"),
        "lost-field:field=overview": Outcome("announced, null", checks={"fields_known": "warning"}),
        "lost-field:page=2": rejected("66.67", 20),
    },
    "retyped-field": {"retyped-field": rejected("0.00", 60)},
    "wrong-page": {
        "wrong-page:page=2,times=1": HEALS,
        "wrong-page:page=2": partial(2),
    },
    "same-rows": {
        "same-rows:page=2,times=1": HEALS,
        "same-rows:page=3": partial(3),
        "same-rows": Outcome(
            "every page but the first is missing, nothing is published",
            verdict="partial",
            published=False,
            retried=True,
            checks={"page_set_complete": "failed"},
            says="1 of 3 pages came back; missing: 2, 3 .*all of shows that earlier pages have",
            rows=20,
        ),
    },
    "repeats": {
        "repeats": Outcome("as far as lists drift: published", repeats=2),
        "repeats:count=2": Outcome("warned of, and published", checks={"repeats_rare": "warning"}, repeats=4),
        "repeats:count=9": Outcome(
            "more repeats than a list may have: not published",
            published=False,
            checks={"repeats_rare": "failed"},
            says=r"18 of 60 rows \(30\.0%\) repeat a show.*The day's last good file stays",
            repeats=18,
        ),
    },
    "wrong-totals": {
        "wrong-totals:pages_told=1,page=1": UNHARMED,
        "wrong-totals:pages_told=49000": UNHARMED,
        "wrong-totals": UNHARMED,
    },
    "unauthorized": {
        "unauthorized": refused("HTTP 401, code 7.*Check TMDB_API_TOKEN", retried=False),
        "unauthorized:page=2": partial(2, retried=False, rows=20),
    },
    "forbidden": {"forbidden": refused("HTTP 403, code 45.*Check TMDB_API_TOKEN", retried=False)},
}


"""Name of a fault -> the fault as on the command line -> its outcome."""
