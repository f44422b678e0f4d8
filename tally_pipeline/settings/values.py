"""Reads the texts of settings by their declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from tally_pipeline.settings.declared import Setting
from tally_pipeline.settings.errors import SettingsError

V = TypeVar("V")


class Values:
    """The set texts, by name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, setting: Setting[V]) -> V:
        """The setting's value, its default if it is not set. Raises `SettingsError`."""
        return setting.read(self.text(setting))

    def text(self, setting: Setting[Any]) -> str | None:
        """The setting's text as written; None if it is not set. Raises `SettingsError`."""
        text = self._texts.get(setting.name)
        if text is not None and "\0" in text:
            raise SettingsError(f"{setting.name} holds a NUL, which nothing can be made of: write it anew")
        if text is not None and not is_utf8(text):
            raise SettingsError(f"{setting.name} is not text in UTF-8: write it anew")
        return text


def is_utf8(text: str) -> bool:
    """False for lone surrogates, which Python uses for bytes that are no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
