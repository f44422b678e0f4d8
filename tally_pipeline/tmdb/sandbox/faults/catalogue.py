"""The kinds of faults of the sandbox, their descriptions and their options with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tally_pipeline.tmdb.sandbox.faults import changes
from tally_pipeline.tmdb.sandbox.faults.kinds import FaultKind

FAULTS: Mapping[str, FaultKind] = MappingProxyType(
    {
        "rate-limited": FaultKind(
            "429 with Retry-After in seconds.", changes.rate_limited, {"seconds": 1.0}
        ),
        "rate-limited-date": FaultKind(
            "429 with Retry-After as a date, in seconds from now.", changes.rate_limited_date, {"seconds": 1.0}
        ),
        "rate-limited-silent": FaultKind(
            "429 without Retry-After.", changes.error_reply, {"code": 25, "status": 429}
        ),
        "code-25": FaultKind(
            "TMDB's rate-limit body under another status.", changes.error_reply, {"code": 25, "status": 200}
        ),
        "server-error": FaultKind(
            "A 5xx as HTML: Back-end server is at capacity.", changes.web_page, {"status": 503}
        ),
        "broken-page": FaultKind(
            "One page that stays a 5xx however often it is asked for.", changes.web_page, {"status": 503},
            needs_page=True,
        ),
        "timeout": FaultKind(
            "The reply comes later than anyone waits.", changes.late, {"seconds": 60.0}
        ),
        "slow": FaultKind(
            "The body trickles in over some seconds.", changes.slow, {"seconds": 2.0}
        ),
        "reset": FaultKind(
            "The connection is reset before a byte of the reply.", changes.reset
        ),
        "truncated": FaultKind(
            "The connection closes halfway through the body that Content-Length promised.", changes.truncated
        ),
        "wrong-length": FaultKind(
            "Content-Length promises some bytes fewer than there are.", changes.wrong_length, {"bytes": 100}
        ),
        "truncated-json": FaultKind(
            "A whole reply under 200 whose JSON is cut in half.", changes.truncated_json
        ),
        "html": FaultKind(
            "A web page under 200.", changes.web_page, {"status": 200}
        ),
        "error-body": FaultKind(
            "TMDB's error body of some code under 200.", changes.error_reply, {"code": 11, "status": 200}
        ),
        "empty": FaultKind(
            "No rows, totals of 0.", changes.empty
        ),
        "empty-page": FaultKind(
            "A page without rows while the totals claim them.", changes.empty_page, needs_page=True
        ),
        "bad-rows": FaultKind(
            "Some rows of each page (count, or share of them) break the contract, each in its own way or all "
            "with one defect.", changes.bad_rows, {"share": 0.1, "count": 0, "defect": ""},
        ),
        "new-field": FaultKind(
            "Every row has a field nobody knows.", changes.new_field, {"field": "mood"}
        ),
        "lost-field": FaultKind(
            "A field is gone from every row.", changes.lost_field, {"field": "vote_average"}
        ),
        "retyped-field": FaultKind(
            "A field of every row has become a text.", changes.retyped_field, {"field": "vote_average"}
        ),
        "wrong-page": FaultKind(
            "The reply is the next page's.", changes.wrong_page
        ),
        "same-rows": FaultKind(
            "Page 1's rows under the number of every page.", changes.same_rows
        ),
        "repeats": FaultKind(
            "Each page begins with the last rows of the page before, in place of its own.", changes.repeats,
            {"count": 1},
        ),
        "wrong-totals": FaultKind(
            "Totals of so many full pages, whatever the list holds.", changes.wrong_totals, {"pages_told": 0}
        ),
        "missing-export": FaultKind(
            "404 for an export; with times=, one that comes late.", changes.missing_export, of_exports=True
        ),
        "broken-gzip": FaultKind(
            "An export whose checksums do not hold.", changes.broken_gzip, of_exports=True
        ),
        "bad-lines": FaultKind(
            "An export with some more lines that break the contract, each in its own way.", changes.bad_lines,
            {"count": 9}, of_exports=True,
        ),
        "fewer-lines": FaultKind(
            "An export with only a share of its lines.", changes.fewer_lines, {"share": 0.5}, of_exports=True
        ),
        "unauthorized": FaultKind(
            "401: the key is not valid.", changes.error_reply, {"code": 7, "status": 401}
        ),
        "forbidden": FaultKind(
            "403: the user is suspended.", changes.error_reply, {"code": 45, "status": 403}
        ),
    }
)  # fmt: skip
"""The kinds of faults, by name."""
