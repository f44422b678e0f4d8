"""Finds and reads `.env`: a line that is no setting is told of, for what was meant by it would be missing in silence.

The syntax is python-dotenv's. No message holds a value, nor a line: that may be the token.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from tally_pipeline.settings import names
from tally_pipeline.settings.errors import SettingsError

NAME = ".env"

_REFERENCE = re.compile(r"\$\{([^}:]+)\}")
"""A variable without a default, as in `${HOME}/tally`."""


@dataclass(frozen=True)
class Dotenv:
    """What the `.env` at `path` sets: values by name, none of them empty. Without a `path` there was none.

    `passed_over` are those of `looked_for` that are there and set nothing of ours.
    """

    path: Path | None = None
    looked_for: tuple[Path, ...] = ()
    passed_over: tuple[Path, ...] = ()
    values: dict[str, str] = field(default_factory=dict, repr=False)


def project_folder() -> Path | None:
    """The checkout that this code runs from; None where it was installed as a package."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() else None


def find(places: Iterable[Path], known: Collection[str], environment: Collection[str]) -> Dotenv:
    """The first file of these that sets something of ours; others (another project's) are passed over.

    Raises `SettingsError` for one that cannot be read, or has a line that is no setting.
    """
    looked_for = tuple(dict.fromkeys(places))
    passed_over: list[Path] = []
    for path in looked_for:
        values = read(path, known, environment)
        if values and any(
            name in known or names.is_ours(name) or names.meant(name, known) for name in values
        ):
            return Dotenv(path, looked_for, tuple(passed_over), values)
        if values is not None:
            passed_over.append(path)
    return Dotenv(None, looked_for, tuple(passed_over))


def read(path: Path, known: Collection[str], environment: Collection[str]) -> dict[str, str] | None:
    """What the file sets, without what it sets to nothing; None where there is no file. Raises `SettingsError`.

    `environment` holds the names of the variables that a value may be made of.
    """
    if path.is_fifo() or path.is_socket():  # reading it would wait for ever
        raise SettingsError(f"{path} is no file: write one, or remove it")
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        if path.is_symlink():
            raise SettingsError(
                f"{path} is a link to a file that is not there: mend it, or remove it"
            ) from None
        return None
    except (OSError, UnicodeDecodeError) as error:
        # Not the decoder's own words: they hold the file, and that holds the token.
        reason = error.strerror if isinstance(error, OSError) else _NO_TEXT
        raise SettingsError(f"{path} cannot be read ({reason}): write it anew, or remove it") from None
    if "\0" in text:  # UTF-16 without a mark of its own
        raise SettingsError(f"{path} cannot be read ({_NO_TEXT}): write it anew, or remove it")
    bindings = list(parse_stream(io.StringIO(text)))
    for binding in bindings:
        _check(path, binding, known)
    _check_references(path, bindings, environment)
    # Written once more without what is empty, so that an empty line does not undo one above it.
    full = "\n".join(binding.original.string for binding in bindings if binding.value)
    values = dotenv_values(stream=io.StringIO(full))
    return {name: value.strip() for name, value in values.items() if value and value.strip()}


_NO_TEXT = "it is not text in UTF-8"


def _check(path: Path, binding: Binding, known: Collection[str]) -> None:
    """Raise `SettingsError` for a line that is no setting, or whose value swallowed the lines after it."""
    if binding.error or (binding.key is not None and binding.value is None):
        setting = names.mentioned(binding.original.string, known) or "NAME"
        raise SettingsError(
            f"{path}, line {_line(binding)}, is no setting: write it as {setting}=value, with `=`, without `set`, and"
            " with its quotes closed; or as a comment, with # in front"
        )
    value = binding.value or ""
    over_lines = "\n" in value or "\r" in value
    if over_lines and (binding.key in known or names.mentioned(value, known)):
        raise SettingsError(
            f"{path}, line {_line(binding)}: the value goes on over the lines below it: close its quotes"
        )


def _check_references(path: Path, bindings: Iterable[Binding], environment: Collection[str]) -> None:
    """Raise `SettingsError` for a value made of a variable that is not set: it would be another value, or none."""
    there = set(environment)
    for binding in bindings:
        for name in _REFERENCE.findall(binding.value or ""):
            if name not in there and names.is_ours(binding.key or ""):
                raise SettingsError(
                    f"{path}, line {_line(binding)}: {binding.key} is made of ${{{name}}}, which is not set: set it,"
                    f" or write the value out"
                )
        if binding.key and binding.value:
            there.add(binding.key)


def _line(binding: Binding) -> int:
    """The line on which the setting begins; the parser counts the blank lines above as its own."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
