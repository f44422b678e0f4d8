"""The connections to TMDB: credentials, user agent, proxies, pool."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from tally_pipeline import __version__


class _Credentials(AuthBase):
    """Sends the token, if there is one. Without any `auth`, requests would send what ~/.netrc holds."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def open_session(url: str, *, token: str | None, connections: int) -> requests.Session:
    """A session for the server at `url` that sends `token`, if there is one, and no other credential."""
    session = requests.Session()
    session.auth = _Credentials(token)
    session.headers.update({"Accept": "application/json", "User-Agent": f"tally/{__version__}"})
    # A proxy cannot reach this machine's own sandbox.
    session.trust_env = not _is_loopback(urlsplit(url).hostname or "")
    adapter = HTTPAdapter(pool_maxsize=connections, max_retries=0, pool_block=True)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
