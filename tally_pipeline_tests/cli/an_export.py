"""An export of two days, to import: made once a module, copied to be broken."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.datasets import SERIES
from tally_pipeline.datasets.daily_export import receipt_key
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import list_named
from testkit import tally
from testkit.pipeline import environment
from testkit.tmdb.export_server import shows

DAYS = [clock.today() - timedelta(days=ago) for ago in (2, 1)]
POPULAR = f"bronze/tmdb/shows/popular_shows/dt={DAYS[0]}"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of two days of popular shows, and of a daily export with its receipt."""
    home = tmp_path_factory.mktemp("from")
    lake = Lake(Store.in_folder(home / "sandbox" / "lake"), "sandbox")
    for key, body in sandbox.captures(DAYS, lists=[list_named("popular_shows")], depths={"popular_shows": 1}):
        lake.write_bronze(key, body)
    series = SERIES.place.key(DAYS[1].isoformat(), "run-1")
    lake.write_once(receipt_key(series), _receipt(shows(3), series.dt))
    lake.write_bronze(series, shows(3))
    assert tally.run(home, environment(home), "export", str(home / "out")).code == 0
    return home / "out"


def _receipt(body: bytes, dt: str) -> bytes:
    return json.dumps(
        {
            "dt": dt,
            "url": "http://127.0.0.1/p/exports/x.json.gz",
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "headers": {},
            "ingestion_timestamp": f"{dt}T08:20:00Z",
            "execution_id": "run-1",
            "source": "sandbox",
            "client": "tally/0.1.0",
            "requests": 1,
            "duration_seconds": 0.1,
        }
    ).encode()


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of it, to break."""
    return shutil.copytree(exported, tmp_path / "export")


def bring_in(home: Path, folder: Path, *argv: str, **changes: str) -> tally.Ran:
    home.mkdir(exist_ok=True)
    return tally.run(home, environment(home, **changes), "import", str(folder), *argv)


def files(folder: Path, below: str = "bronze") -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / below).rglob("*")
        if path.is_file()
    }


def lake_of(home: Path) -> Path:
    return home / "sandbox" / "lake"


def manifest_of(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    manifest: dict[str, dict[str, dict[str, object]]] = json.loads((folder / "manifest.json").read_text())
    return manifest


def rewrite(folder: Path, **changes: object) -> None:
    (folder / "manifest.json").write_text(json.dumps({**manifest_of(folder), **changes}))
