"""The source of captures: TMDB or a sandbox, under one rate limit for the whole process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tally_pipeline.tmdb.client import PageProgress, TmdbClient
from tally_pipeline.tmdb.errors import NoKeyError
from tally_pipeline.tmdb.exports import ExportClient
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.settings import Source, TmdbSettings

EMBEDDED_FASTER = 5
"""The sandbox in this process is asked so many times faster than TMDB."""


@dataclass
class Tmdb:
    """The source of captures: TMDB, or a sandbox. One rate limit holds for the whole process.

    `read_token` fetches the token from its store each time that a client is opened, so that a new one is used
    without a restart. `on_page` is called after every page. `no_capture` is the reason why nothing can be captured;
    with one, opening a client raises `NoKeyError`. `details_budget` bounds the shows whose details
    are asked for a day.
    """

    settings: TmdbSettings
    embedded: bool
    source: Source
    depths: Mapping[str, int | None]
    on_page: Callable[[PageProgress], None] | None = None
    read_token: Callable[[], str] | None = None
    no_capture: str | None = None
    details_budget: int = 3000
    _rate: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        rate = self.settings.requests_per_second
        # The limit is TMDB's: a sandbox in this process takes more.
        self._rate = RateLimit(rate * EMBEDDED_FASTER if self.embedded else rate)

    @contextmanager
    def client(self) -> Iterator[TmdbClient]:
        """A client with its connections, closed at the end; with the embedded sandbox, that as well."""
        with self._server() as settings, TmdbClient(settings, self._rate) as client:
            yield client

    @contextmanager
    def exports(self) -> Iterator[ExportClient]:
        """A client of the daily exports, closed at the end; with the embedded sandbox, that as well."""
        with self._server() as settings, ExportClient(settings, self._rate) as client:
            yield client

    @contextmanager
    def _server(self) -> Iterator[TmdbSettings]:
        if self.no_capture is not None:
            raise NoKeyError(self.no_capture)
        if self.embedded:
            # Imported here, so that only a run with the sandbox pays for it.
            from tally_pipeline.tmdb.sandbox import Sandbox

            with Sandbox() as sandbox:
                yield replace(self.settings, base_url=sandbox.base_url)
        elif self.read_token is not None:
            yield replace(self.settings, token=self.read_token())
        else:
            yield self.settings
