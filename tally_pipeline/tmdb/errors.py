"""The errors between Tally and TMDB: permanent ones, and transient ones, which pass. classification.py makes them."""

from __future__ import annotations

from datetime import date

from tally_pipeline.tmdb.exchange import Request, Response


class TmdbError(Exception):
    """A failure between Tally and TMDB. Its text is a whole explanation and holds no secret.

    `status` is the HTTP status, `code` the body's `status_code`, `reply` the body's first 300 characters; each None
    where there was none. `attempts` is the number of requests for the page. `ends_capture`: requests for other pages
    would fail as well.
    """

    ends_capture = False
    advice = "Run it again."

    def __init__(
        self,
        problem: str,
        request: Request,
        *,
        advice: str | None = None,
        status: int | None = None,
        code: int | None = None,
        reply: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.list_name = request.list_name
        self.page = request.page
        self.url = request.url
        self.status = status
        self.code = code
        self.reply = reply
        self.attempts = 1
        if advice is not None:
            self.advice = advice

    def __str__(self) -> str:
        tried = f", after {self.attempts} attempts" if self.attempts > 1 else ""
        page = "" if self.page is None else f" page {self.page}"
        return f"{self.problem} ({self.list_name}{page}, {self.url}{tried}). {self.advice}"


class PermanentError(TmdbError):
    """An error that stays until something is changed: the same request gets the same answer."""

    advice = "Asking again will not help: check TMDB_BASE_URL and which server answers there."


class AuthError(PermanentError):
    """TMDB does not accept the token or the key."""

    ends_capture = True
    advice = (
        "Check TMDB_API_TOKEN (the API Read Access Token) or TMDB_API_KEY; "
        "an account's own are at https://www.themoviedb.org/settings/api."
    )


class NoKeyError(PermanentError):
    """There is no key, so no request was sent. `reason` is a whole explanation."""

    ends_capture = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Request(None, None, ""))

    def __str__(self) -> str:
        return self.problem


class SandboxMistakenError(PermanentError):
    """The sandbox answered where TMDB was expected: its invented shows must not be stored as TMDB's."""

    ends_capture = True
    advice = "Check TMDB_BASE_URL, proxies and DNS: the sandbox answers under TMDB's name."


class TransientError(TmdbError):
    """An error that passes. `retry_after`: the seconds that the server asks to wait; None if it does not."""

    advice = "This usually passes: run it again later."

    def __init__(
        self,
        problem: str,
        request: Request,
        *,
        advice: str | None = None,
        status: int | None = None,
        code: int | None = None,
        reply: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(problem, request, advice=advice, status=status, code=code, reply=reply)
        self.retry_after = retry_after


class RateLimitedError(TransientError):
    """TMDB takes no more requests from this address for a while."""

    advice = (
        "Run it again later; if it happens often, lower requests_per_second, "
        "or look for what else asks TMDB from this address."
    )


class DayOverError(PermanentError):
    """The day to be captured was over when TMDB answered."""

    ends_capture = True
    advice = "TMDB serves only the present: capture the day that has begun."

    def __init__(self, day: date, request: Request, response: Response) -> None:
        super().__init__(f"{day} was over (UTC) when TMDB answered", request, status=response.status)


class MissingExportError(PermanentError):
    """TMDB keeps no export of that day."""

    advice = (
        "TMDB keeps its exports for about 90 days; a day that is missing among them cannot be had any more."
        " The days around it are not concerned."
    )


class NotInSandboxError(PermanentError):
    """The sandbox invents no such file."""

    advice = (
        "The sandbox invents the export of series alone. To try this one, serve such a file yourself and name the"
        " server in TMDB_BASE_URL (docs/adding-a-dataset.md); TMDB's own comes with a token of TMDB's."
    )


class NotYetThereError(TransientError):
    """Today's export is not written yet. A retry within seconds makes no sense."""

    ends_capture = True
    advice = "TMDB writes it from about 07:00 UTC; it is there by 08:00. Run it again later."
