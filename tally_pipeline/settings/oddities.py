"""Finds what was meant to be a setting and is none, which would be ignored silently: a name, or a whole file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tally_pipeline.settings import declared, dotenv, names
from tally_pipeline.settings.declared import NAMES
from tally_pipeline.settings.dotenv import Dotenv
from tally_pipeline.settings.errors import SettingsError

_KEYS = frozenset({declared.TOKEN.name, declared.API_KEY.name})


def found(environment: Mapping[str, str], file: Dotenv, *, lacks_key: bool) -> tuple[str, ...]:
    """Notices about names and files that do nothing.

    Raises `SettingsError` for a misspelt setting that is not set otherwise and, if Tally `lacks_key`, for what may
    hold TMDB's: the sandbox would stand in for it.
    """
    return (
        *_in_environment(environment, file, lacks_key=lacks_key),
        *_in_file(environment, file, lacks_key=lacks_key),
        *_passed_over(file, lacks_key=lacks_key),
        *_alike(file, lacks_key=lacks_key),
    )


def _in_environment(environment: Mapping[str, str], file: Dotenv, *, lacks_key: bool) -> Iterator[str]:
    for name in environment:
        if name in NAMES:
            continue
        if names.is_ours(name):
            yield from _misspelt(name, "the environment", {*environment, *file.values})
        elif setting := names.nearly(name, NAMES):
            # It is full of other programs' names: only the key is worth a refusal.
            if setting in _KEYS and lacks_key:
                raise _no_setting(name, "the environment", setting)
            yield f"{name} in the environment is no setting and does nothing: was {setting} meant?"


def _in_file(environment: Mapping[str, str], file: Dotenv, *, lacks_key: bool) -> Iterator[str]:
    """In the file any name may be misspelt; beside the project it is Tally's alone."""
    for name in file.values:
        if name == declared.DOTENV.name and name not in environment:
            yield f"{name} in {file.path} has no effect: it is heeded in the environment alone"
        elif name not in NAMES and name not in environment:
            if file.is_own:
                _refuse_key(name, str(file.path), lacks_key=lacks_key)
            told = list(_misspelt(name, str(file.path), {*environment, *file.values}))
            yield from told or ([_does_nothing(name, str(file.path))] if file.is_own else [])


def _passed_over(file: Dotenv, *, lacks_key: bool) -> Iterator[str]:
    for name, path in file.unknown.items():
        if path == file.own:
            _refuse_key(name, str(path), lacks_key=lacks_key)
        yield _does_nothing(name, str(path))


def _alike(file: Dotenv, *, lacks_key: bool) -> Iterator[str]:
    for path, set_there in file.alike.items():
        keys = sorted(_KEYS & set_there)
        name = (keys or sorted(set_there))[0]
        told = f"{path} sets {name} and is not read: did you mean to call it {dotenv.NAME}?"
        if keys and lacks_key:
            raise SettingsError(f"{told} Rename it, or say TALLY_SOURCE=sandbox for the sandbox")
        yield told


def _misspelt(name: str, where: str, is_set: set[str]) -> Iterator[str]:
    setting = names.meant(name, NAMES)
    if setting and setting not in is_set:
        raise _no_setting(name, where, setting)
    if setting or names.is_ours(name):
        yield f"{_shown(name)} in {where} is no setting and does nothing; .env.example has those there are"


def _refuse_key(name: str, where: str, *, lacks_key: bool) -> None:
    if lacks_key and names.may_be_the_key(name) and not names.meant(name, NAMES):
        raise SettingsError(
            f"{_shown(name)} in {where} is no setting, and may hold TMDB's key: write it as TMDB_API_TOKEN (the long"
            " one) or TMDB_API_KEY, remove it, or say TALLY_SOURCE=sandbox for the sandbox"
        )


def _no_setting(name: str, where: str, setting: str) -> SettingsError:
    return SettingsError(
        f"{_shown(name)} in {where} is no setting: was {setting} meant? Write it so, or remove it"
    )


def _does_nothing(name: str, where: str) -> str:
    return f"{_shown(name)} in {where} is no setting and does nothing"


def _shown(name: str) -> str:
    """Text that is no name at all may be the token."""
    return name if name.isidentifier() else "a name"
