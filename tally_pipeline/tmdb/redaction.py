"""Keeps the TMDB token and key out of everything that is shown, logged or stored."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from urllib.parse import quote

MASK = "***"

Scrub = Callable[[str], str]
"""Takes a text and gives it back without secrets."""

_PREFIX = 8
_API_KEY = re.compile(r"(api_key=)[^&\s\"')]+")
_LOGGERS = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")


def redactor(*secrets: str | None) -> Scrub:
    """A function that masks these secrets, plain or percent-encoded, in any text.

    A secret is known by its first eight characters, so that one which an excerpt cuts off is masked too.
    """
    forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
    if not forms:
        return lambda text: text
    # The longest first: a secret that is the beginning of another must not leave the rest of it standing.
    pattern = re.compile("|".join(_pattern(form) for form in sorted(forms, key=len, reverse=True)))
    return lambda text: pattern.sub(MASK, text)


def _pattern(secret: str) -> str:
    return re.escape(secret[:_PREFIX]) + (r"[\w.~+/=%-]*" if len(secret) > _PREFIX else "")


class _MaskApiKey(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "api_key=" in text:
            record.msg, record.args = _API_KEY.sub(rf"\1{MASK}", text), ()
        return True


_mask_api_key = _MaskApiKey()


def mask_urllib3_logs() -> None:
    """Masks `api_key` in the request lines that urllib3 logs; doing it twice changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_mask_api_key)
