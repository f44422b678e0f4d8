"""A setting is declared once: what is read and every document that names it come from that."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tally_pipeline.deployment import SettingsError, load_settings
from tally_pipeline.settings.declared import SETTINGS, Setting
from testkit.running import bare

ROOT = Path(__file__).parents[2]

ONE_MORE = """
SEASON = _setting(
    "The lake", "TALLY_SEASON", Whole(1, 99), 7, "Which season it is.", is_first=True
)

SETTINGS = tuple(_declared)
"""
LOOK = """
import json
from scripts import settings_docs
from tally_pipeline.settings import declared
from tally_pipeline.settings.settings import NAMES, load_settings
from tally_pipeline.settings.values import Values

try:
    Values({"TALLY_SEASON": "100"})[declared.SEASON]
except ValueError as error:
    refused = str(error)
print(json.dumps({
    "read": Values({"TALLY_SEASON": "12"})[declared.SEASON],
    "default": Values({})[declared.SEASON],
    "refused": refused,
    "known": "TALLY_SEASON" in NAMES,
    "notices": load_settings({"TALLY_SEASON": "12"}, dotenv=None).notices,
    "documents": [settings_docs.env_example(), settings_docs.page(), settings_docs.first_ones()],
}))
"""


def test_one_declaration_more_is_read_and_documented(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("tally_pipeline", "scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    declared = tmp_path / "tally_pipeline" / "settings" / "declared.py"
    text = declared.read_text()
    assert text.count("\nSETTINGS = tuple(_declared)\n") == 1
    declared.write_text(text.replace("\nSETTINGS = tuple(_declared)\n", ONE_MORE))
    ended = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=tmp_path,
        env=bare({"PYTHONPATH": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)
    example, page, first_ones = seen["documents"]
    assert (seen["read"], seen["default"], seen["known"], seen["notices"]) == (12, 7, True, [])
    assert seen["refused"] == "TALLY_SEASON is '100'; give a number from 1 to 99, without a fraction"
    assert "# Which season it is.\n#TALLY_SEASON=7\n" in example
    assert (
        "| `TALLY_SEASON` | `7` | A number from 1 to 99, without a fraction | Which season it is. |" in page
    )
    assert "| `TALLY_SEASON` | `7` | Which season it is. |" in first_ones


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_its_example_is_a_value_that_it_takes(setting: Setting[object]) -> None:
    if setting.example and setting.name != "TALLY_HOME":
        setting.read(setting.example)
    if setting.default is not None and setting.shown_default:
        assert setting.read(setting.shown_default) == setting.default


def test_every_line_of_the_example_may_be_uncommented_at_once(tmp_path: Path) -> None:
    """All but those of AWS, which say another deployment."""
    example = (ROOT / ".env.example").read_text()
    lines = [line.removeprefix("#") for line in example.splitlines() if line.startswith(("#T", "#AWS"))]
    assert {line.partition("=")[0] for line in lines} == {one.name for one in SETTINGS if one.in_example}
    (tmp_path / ".env").write_text("\n".join(lines).replace("#TALLY_SOURCE=", ""))
    settings = load_settings({"TMDB_API_TOKEN": "a-token", "TALLY_HOME": str(tmp_path)}, tmp_path / ".env")
    plain = load_settings({"TMDB_API_TOKEN": "a-token", "TALLY_HOME": str(tmp_path)}, dotenv=None)
    assert (settings.tmdb.exports, settings.depths, settings.port) == (
        plain.tmdb.exports,
        plain.depths,
        plain.port,
    )
    assert settings.notices == ()


def test_a_secret_is_in_no_sentence() -> None:
    secrets = [one.name for one in SETTINGS if one.is_secret]
    assert secrets == ["TMDB_API_TOKEN", "TMDB_API_KEY", "TALLY_COLLECT_KEYS"]
    for name in secrets:
        with pytest.raises(SettingsError) as refused:
            load_settings({name: "not to be\tseen"}, dotenv=None)
        assert "seen" not in str(refused.value)
