"""Finds the home folder, and the source of lakes that exist there already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tally_pipeline.lake import layout
from tally_pipeline.settings import declared
from tally_pipeline.settings import dotenv as dotenv_file
from tally_pipeline.settings.dotenv import Dotenv
from tally_pipeline.settings.errors import SettingsError
from tally_pipeline.settings.values import Values, is_utf8

HOME_BY_DEFAULT = ".tally"

_MEANS_MORE = "*?[=\\"
"""Characters with a special meaning in the path of a home: Dagster finds its dagster.yaml by a glob pattern, DuckDB
takes `dt=5` above the lake for a partition, and a backslash for a path separator."""

_PATH_BYTES = 380
"""SQLite takes paths of 511 bytes; the longest below a home, a run's log on AWS, has 131 more than the home."""


def home(values: Values, found: Dotenv, environment: Mapping[str, str]) -> Path:
    """The home, absolute. Raises `SettingsError`."""
    name = declared.HOME.name
    text = values.text(declared.HOME)
    path = _folder(name, text, _default_home(found), _beside(found, name, environment))
    _check_path(name, path)
    return path


def _folder(name: str, text: str | None, default: Path, beside: Path) -> Path:
    """The absolute path, from the folder `beside`; `~` is the user's own home, `~name` another user's."""
    try:
        path = (beside / Path(text).expanduser() if text else default).resolve()
        there = next(folder for folder in (path, *path.parents) if folder.exists())
    except (RuntimeError, OSError, ValueError) as error:
        raise SettingsError(f"{name} is {text!r}, which leads to no folder ({error}); give another") from None
    if not is_utf8(str(path)):
        raise SettingsError(
            f"{name} is {str(path)!a}, whose name is not text in UTF-8, and nothing of the lake could be"
            f" named then: set {name} to another folder"
        )
    if not there.is_dir():
        raise SettingsError(f"{name} is {str(path)!r}, and {there} is no folder: give another")
    return path


def _check_path(name: str, path: Path) -> None:
    """Raise `SettingsError` for a path below which files would not be found again."""
    odd = next((part for part in path.parts if set(part) & set(_MEANS_MORE)), None)
    if odd is not None:
        raise SettingsError(
            f"{name} is {str(path)!r}, and what is below a folder named {odd!r} would not be found again: set"
            f" {name} to a folder without any of {' '.join(_MEANS_MORE)} in its path"
        )
    if len(str(path).encode()) > _PATH_BYTES:
        raise SettingsError(
            f"{name} is a path of {len(str(path).encode())} bytes, and SQLite opens no file below it: set {name}"
            f" to one of at most {_PATH_BYTES}"
        )


def _default_home(found: Dotenv) -> Path:
    """Beside the `.env` that was read; else as that is looked for: in the working folder, or beside the project.

    So Tally started from another folder, as by cron, has the same lake.
    """
    project = dotenv_file.project_folder()
    if found.path is not None and found.path.parent in (Path.cwd(), project):
        return found.path.parent / HOME_BY_DEFAULT
    return (Path.cwd() if project is None or Path(HOME_BY_DEFAULT).exists() else project) / HOME_BY_DEFAULT


def _beside(found: Dotenv, name: str, environment: Mapping[str, str]) -> Path:
    """The base of a relative path in this setting: the folder of the file that sets it."""
    in_file = found.path is not None and name in found.values and name not in environment
    return found.path.parent if found.path is not None and in_file else Path.cwd()


def tmdbs_lake(home: Path, environment: Mapping[str, str]) -> Path | None:
    """The path that shows that this home, or the Dagster history of this process, is TMDB's; None if nothing does."""
    lake, history = home / "tmdb" / "lake", home / "tmdb" / "dagster"
    meant = Path(environment.get("DAGSTER_HOME", "")).resolve()
    if meant == history.resolve():
        return history
    if (meant.parent.name, meant.name) == ("tmdb", "dagster") and "TALLY_SOURCE" not in environment:
        raise SettingsError(
            f"DAGSTER_HOME is {meant}, the history of TMDB's lake in {meant.parents[1]}, and TALLY_HOME is {home}:"
            f" set TALLY_HOME={meant.parents[1]}, or unset DAGSTER_HOME"
        )
    try:
        unmounted = [path for path in (lake.parent, lake) if path.is_symlink() and not path.exists()]
        if unmounted:
            return unmounted[0]
        if (home / "lake" / layout.OWNERSHIP_MARKER).exists():
            raise SettingsError(
                f"TALLY_HOME is {home}, which is where one lake and its history lie: give the folder above it,"
                f" {home.parent}"
            )
        return (
            lake if any((lake / name).exists() for name in (layout.OWNERSHIP_MARKER, layout.BRONZE)) else None
        )
    except OSError as error:
        raise SettingsError(
            f"TALLY_HOME is {home}, and what is in it cannot be read ({error.strerror}: {error.filename}): let it be"
            " read, or give another folder"
        ) from None


def check_no_bucket(home: Path) -> None:
    """Raise `SettingsError` if this was the home of a lake on AWS whose settings are missing now."""
    for config in sorted(home.glob("*/dagster/dagster.yaml")):
        state = config.parents[1].name
        if state not in ("sandbox", "tmdb"):
            raise SettingsError(
                f"{home} holds the history of the lake in the bucket {state}, and nothing says whether that is meant:"
                " set TALLY_DEPLOYMENT=aws and what goes with it, or TMDB_API_TOKEN for a lake in this folder, or"
                " TALLY_SOURCE=sandbox for the sandbox"
            )
