"""Finds and reads `.env`. A line that is no setting is an error: the setting meant would be missing silently.

The syntax is python-dotenv's. No message contains a value or a line, which may be the token.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from tally_pipeline.settings import names
from tally_pipeline.settings.errors import SettingsError

NAME = ".env"
_ALIKE = (".env.txt", ".env.local", "env", "env.txt")

_REFERENCE = re.compile(r"\$\{([^}:]+)\}")
"""A variable without a default, as in `${HOME}/tally`."""


@dataclass(frozen=True)
class Dotenv:
    """The settings of the `.env` at `path`: values by name, none of them empty. `path` is None without a file.

    `passed_over` are the existing files of `looked_for` that set nothing of Tally's; `unknown` are the names in them
    that begin as Tally's do, with their file. `own` is the place beside the project, where nothing of others is: all
    names there count. `alike` are the files beside those places that set something of Tally's, with the names, and
    are not read for their own name.
    """

    path: Path | None = None
    looked_for: tuple[Path, ...] = ()
    passed_over: tuple[Path, ...] = ()
    values: dict[str, str] = field(default_factory=dict, repr=False)
    unknown: dict[str, Path] = field(default_factory=dict)
    own: Path | None = None
    alike: dict[Path, frozenset[str]] = field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """True if the file that was read is the one beside the project."""
        return self.path is not None and self.path == self.own


def project_folder() -> Path | None:
    """The checkout that this code runs from; None if it was installed as a package."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() else None


def find(
    places: Iterable[Path], known: Collection[str], environment: Collection[str], own: Path | None = None
) -> Dotenv:
    """The first of these files that sets something of Tally's; others (another project's) are skipped.

    Raises `SettingsError` for an unreadable file, or one with a line that is no setting.
    """
    looked_for = tuple(dict.fromkeys(places))
    passed_over: list[Path] = []
    unknown: dict[str, Path] = {}
    alike = {
        path: set_there
        for place in looked_for
        for path, set_there in _alike(place.parent, known, environment)
    }
    for path in looked_for:
        values = read(path, known, environment)
        if values and any(_is_tallys(name, known) for name in values):
            return Dotenv(path, looked_for, tuple(passed_over), values, unknown, own, alike)
        if values is not None:
            passed_over.append(path)
            unknown |= {name: path for name in values if path == own or names.is_ours(name)}
    return Dotenv(None, looked_for, tuple(passed_over), unknown=unknown, own=own, alike=alike)


def _alike(
    folder: Path, known: Collection[str], environment: Collection[str]
) -> Iterator[tuple[Path, frozenset[str]]]:
    """The files in the folder that were perhaps meant as its `.env`, and the settings in them."""
    for path in (folder / name for name in _ALIKE):
        if path.is_file():  # `env` is often a folder of Python's
            with suppress(SettingsError):
                values = read(path, known, environment) or {}
                if ours := frozenset(name for name in values if name in known and names.is_ours(name)):
                    yield path, ours


def _is_tallys(name: str, known: Collection[str]) -> bool:
    """False for an unknown `TMDB_…`, which may be another program's."""
    return name in known or name.startswith("TALLY_") or names.meant(name, known) is not None


def read(path: Path, known: Collection[str], environment: Collection[str]) -> dict[str, str] | None:
    """The non-empty values that the file sets; None without a file. Raises `SettingsError`.

    `environment` holds the names of the variables that values may refer to.
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
        # Not the decoder's own message: it contains the file, and so the token.
        reason = error.strerror if isinstance(error, OSError) else _NO_TEXT
        raise SettingsError(f"{path} cannot be read ({reason}): write it anew, or remove it") from None
    if "\0" in text:  # UTF-16 without a mark of its own
        raise SettingsError(f"{path} cannot be read ({_NO_TEXT}): write it anew, or remove it")
    bindings = list(parse_stream(io.StringIO(text)))
    for binding in bindings:
        _check(path, binding, known)
    _check_references(path, bindings, environment)
    # Written again without empty values, so that an empty one does not undo an earlier one.
    full = "\n".join(binding.original.string for binding in bindings if binding.value)
    values = dotenv_values(stream=io.StringIO(full))
    return {name: value.strip() for name, value in values.items() if value and value.strip()}


_NO_TEXT = "it is not text in UTF-8"


def _check(path: Path, binding: Binding, known: Collection[str]) -> None:
    """Raise `SettingsError` for a line that is no setting, or whose value extends over later lines."""
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
    """Raise `SettingsError` for a value that refers to an unset variable: it would be wrong or empty."""
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
    """The number of the setting's first line; the parser counts the blank lines above as part of it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
