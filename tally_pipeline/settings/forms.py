"""The forms of settings' texts, and their values. Each explains in a sentence why another text is invalid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

from tally_pipeline import clock
from tally_pipeline.settings.errors import SettingsError
from tally_pipeline.tmdb.lists import MAX_PAGES

T_co = TypeVar("T_co", covariant=True)
W = TypeVar("W", bound=str)


class Form(Protocol[T_co]):
    """The form of a setting's text. `allowed` describes it in the documents."""

    @property
    def allowed(self) -> str: ...

    def read(self, name: str, text: str) -> T_co:
        """The value of this text; raises `SettingsError`, which names the setting."""
        ...


@dataclass(frozen=True)
class Text:
    """Any text."""

    allowed: str = "text"

    def read(self, name: str, text: str) -> str:
        return text


@dataclass(frozen=True)
class Choice(Generic[W]):
    """One of two words."""

    one: W
    other: W

    @property
    def allowed(self) -> str:
        return f"`{self.one}` or `{self.other}`"

    def read(self, name: str, text: str) -> W:
        for word in (self.one, self.other):
            if text == word:
                return word
        raise SettingsError(f"{name} is {text!r}; it must be {self.one!r} or {self.other!r}")


@dataclass(frozen=True)
class Number:
    """A number between these, both included."""

    least: float
    most: float

    @property
    def allowed(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"

    def read(self, name: str, text: str) -> float:
        try:
            value = float(text) if re.fullmatch(r"[0-9.eE+-]+", text) else float("nan")
        except ValueError:
            value = float("nan")
        if not self.least <= value <= self.most:
            raise SettingsError(f"{name} is {text!r}; give {self.allowed}")
        return value


@dataclass(frozen=True)
class Whole:
    """A whole number between these, both included."""

    least: int
    most: int

    @property
    def allowed(self) -> str:
        return f"a number from {self.least} to {self.most}, without a fraction"

    def read(self, name: str, text: str) -> int:
        value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
        if value is None or not self.least <= value <= self.most:
            raise SettingsError(f"{name} is {text!r}; give {self.allowed}")
        return value


@dataclass(frozen=True)
class Day:
    """A day, YYYY-MM-DD, from `least` to today."""

    least: date

    @property
    def allowed(self) -> str:
        return f"a day from {self.least} to today, as in `2025-01-01`"

    def read(self, name: str, text: str) -> date:
        try:
            value = date.fromisoformat(text)
        except ValueError:
            raise SettingsError(
                f"{name} is {text!r}, which is no day of the calendar; give a day, as in 2025-01-01"
            ) from None
        if not self.least <= value <= clock.today():
            raise SettingsError(
                f"{name} is {text!r}; give a day that is not in the future, nor before {self.least}, as in 2025-01-01"
            )
        return value


@dataclass(frozen=True)
class Cron:
    """A cron expression as Dagster reads it; `default` is known to be valid."""

    default: str

    allowed = "five cron fields (UTC), at most every 15 minutes"

    def read(self, name: str, text: str) -> str:
        if text == self.default:
            return text
        # Imported here, because it imports Dagster: only a set schedule waits for that.
        from tally_pipeline.settings import cron

        try:
            cron.check(text, clock.now())
        except cron.CronError as error:
            raise SettingsError(
                f"{name} is {text!r}: {error}; give five cron fields, as in '{self.default}' (UTC)"
            ) from None
        return text


@dataclass(frozen=True)
class Pages:
    """The number of pages of a list; None is all of them."""

    allowed = f"a number of pages from 1 to {MAX_PAGES}, or `all`"

    def read(self, name: str, text: str) -> int | None:
        if text == "all":
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_PAGES:
            raise SettingsError(f"{name} is {text!r}; give {self.allowed.replace('`', chr(39))}")
        return int(text)


@dataclass(frozen=True)
class AwsName:
    """A name on AWS, in AWS's form, such as `example`."""

    pattern: str
    example: str

    @property
    def allowed(self) -> str:
        return f"as in `{self.example}`"

    def read(self, name: str, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise SettingsError(
                f"{name} is {text!r}, which AWS calls nothing so; `terraform output` has it, as in {self.example}"
            )
        return text
