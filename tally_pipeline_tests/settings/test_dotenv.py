"""What `.env` sets is set; what it was meant to set and does not is told, and never what it holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tally_pipeline.deployment import SettingsError, load_settings
from tally_pipeline.settings import dotenv

SECRET = "eyJhbGciOiJIUzI1NiJ9"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; the project's is `tmp_path / "project"`."""
    (tmp_path / "work").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.setattr(dotenv, "project_folder", lambda: tmp_path / "project")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def refusal(text: bytes, folder: Path, **environ: str) -> str:
    (folder / ".env").write_bytes(text)
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    told = str(refused.value)
    assert str(folder / ".env") in told
    assert SECRET not in told
    assert "\n" not in told
    return told


@pytest.mark.parametrize(
    "line",
    [
        f"TMDB_API_TOKEN={SECRET}",
        f"TMDB_API_TOKEN = {SECRET}  # mine",
        f"export TMDB_API_TOKEN={SECRET}",
        f"TMDB_API_TOKEN='{SECRET}'",
        f'TMDB_API_TOKEN="{SECRET}"\r\n',
        f"\ufeffTMDB_API_TOKEN={SECRET}",
        f"# TMDB_API_TOKEN: old\n\nTMDB_API_TOKEN={SECRET}",
        f"TMDB_API_TOKEN={SECRET}\nTMDB_API_TOKEN=\n",
        f"TOKEN={SECRET}\nTMDB_API_TOKEN=${{TOKEN}}",
    ],
)
def test_a_token_is_read_however_it_is_written(folder: Path, line: str) -> None:
    (folder / ".env").write_text(line, encoding="utf-8")
    found = load_settings({})
    assert (found.tmdb.token, found.source, found.dotenv.path) == (SECRET, "tmdb", folder / ".env")
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"TMDB_API_TOKEN: {SECRET}", "line 1, is no setting: write it as TMDB_API_TOKEN=value"),
        (f"\n# x\n\nTMDB_API_TOKEN:{SECRET}", "line 4, is no setting: write it as TMDB_API_TOKEN=value"),
        (f"set TMDB_API_TOKEN={SECRET}", "line 1, is no setting: write it as TMDB_API_TOKEN=value"),
        (f'TMDB_API_TOKEN="{SECRET}', "line 1, is no setting"),
        (f"TALLY_PORT=1\nTMDB_API_TOKEN {SECRET}", "line 2, is no setting"),
        (SECRET, "line 1, is no setting: write it as NAME=value"),
        ("TMDB_API_TOKEN", "line 1, is no setting"),
        (f'FOO="x\nTMDB_API_TOKEN={SECRET}\nBAR="', "line 1: the value goes on over the lines below it"),
        (f'TMDB_API_TOKEN="{SECRET}\nx"', "line 1: the value goes on over the lines below it"),
        (
            "TMDB_API_TOKEN=${NOT_SET_ANYWHERE}",
            "TMDB_API_TOKEN is made of ${NOT_SET_ANYWHERE}, which is not set",
        ),
        ("TALLY_HOME=${NOT_SET_ANYWHERE}/tally", "which is not set"),
        (f"tmdb_api_token={SECRET}", "tmdb_api_token in "),
        (f"TMDB_TOKEN={SECRET}", "was TMDB_API_TOKEN meant?"),
        (f"TMDB_KEY={SECRET}", "was TMDB_API_KEY meant?"),
        (f"TMDB_READ_ACCESS_TOKEN={SECRET}", "was TMDB_API_TOKEN meant?"),
        (f"TMBD_API_TOKEN={SECRET}", "was TMDB_API_TOKEN meant?"),
        (f"TMDB-API-TOKEN={SECRET}", "was TMDB_API_TOKEN meant?"),
        (f"$env:TMDB_API_TOKEN = {SECRET}", "was TMDB_API_TOKEN meant?"),
        (f"TMDB_API_TOKEN:{SECRET} = x", "was TMDB_API_TOKEN meant?"),
        ("TALLY_PAGES_POPULAR=3", "was TALLY_PAGES_POPULAR_SHOWS meant?"),
        ("TALLY_FIRSTDAY=2025-01-01", "was TALLY_FIRST_DAY meant?"),
    ],
)
def test_what_was_meant_to_be_a_setting_and_is_none_is_told(folder: Path, text: str, says: str) -> None:
    assert says in refusal(text.encode(), folder)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_another_coding_is_told(folder: Path, coding: str) -> None:
    assert "it is not text in UTF-8" in refusal(f"TMDB_API_TOKEN={SECRET}\n".encode(coding), folder)


def test_a_file_that_cannot_be_opened_is_told(folder: Path) -> None:
    (folder / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"\.env cannot be read \(Is a directory\)"):
        load_settings({})
    (folder / ".env").rmdir()
    (folder / ".env").symlink_to("gone")
    with pytest.raises(SettingsError, match=r"\.env is a link to a file that is not there"):
        load_settings({})


def test_an_empty_variable_does_not_mask_the_file(folder: Path) -> None:
    (folder / ".env").write_text(f"TMDB_API_TOKEN={SECRET}\nTALLY_PORT=4000\n")
    found = load_settings({"TMDB_API_TOKEN": "", "TALLY_PORT": " ", "TMDB_API_KEY": ""})
    assert (found.tmdb.token, found.source, found.port) == (SECRET, "tmdb", 4000)


def test_the_environment_wins_over_the_file(folder: Path) -> None:
    (folder / ".env").write_text("TALLY_PORT=4000\nTMDB_ATTEMPTS=3\n")
    found = load_settings({"TALLY_PORT": "5000"})
    assert (found.port, found.tmdb.attempts) == (5000, 3)


def test_from_another_folder_the_projects_file_is_read_and_its_lake_used(folder: Path) -> None:
    project = folder.parent / "project"
    (project / ".env").write_text(f"TMDB_API_TOKEN={SECRET}\nTALLY_HOME=state\n")
    found = load_settings({})
    assert (found.source, found.home) == ("tmdb", project / "state")
    assert found.told_by == f"{project / '.env'} and the environment"
    (project / ".env").write_text(f"TMDB_API_TOKEN={SECRET}\n")
    assert load_settings({}).home == project / ".tally"
    # A relative path in the environment is the shell's own.
    assert load_settings({"TALLY_HOME": "state"}).home == folder / "state"


def test_the_working_folders_file_comes_before_the_projects(folder: Path) -> None:
    project = folder.parent / "project"
    (project / ".env").write_text("TALLY_PORT=1\n")
    (folder / ".env").write_text("TALLY_PORT=2\n")
    found = load_settings({})
    assert (found.port, found.home) == (2, folder / ".tally")


def test_another_projects_file_is_passed_over(folder: Path) -> None:
    (folder / ".env").write_text('DATABASE_URL=postgres://x\nPRIVATE_KEY="a\nb"\nTALLEST=1\n')
    (folder.parent / "project" / ".env").write_text(f"TMDB_API_TOKEN={SECRET}\n")
    assert load_settings({}).tmdb.token == SECRET


def test_another_programs_names_that_begin_as_ours_do_hide_no_key(folder: Path) -> None:
    (folder / ".env").write_text("TMDB_IMAGE_BASE=https://image.tmdb.org\n")
    (folder.parent / "project" / ".env").write_text(f"TMDB_API_TOKEN={SECRET}\n")
    found = load_settings({})
    assert (found.tmdb.token, found.source) == (SECRET, "tmdb")
    assert found.notices == (f"TMDB_IMAGE_BASE in {folder / '.env'} is no setting and does nothing",)


def test_a_file_that_hides_the_projects_key_ends_in_no_sandbox(folder: Path) -> None:
    (folder / ".env").write_text("TALLY_PORT=3001\n")
    (folder.parent / "project" / ".env").write_text(f"TMDB_API_TOKEN={SECRET}\n")
    with pytest.raises(SettingsError, match="which has one, is not: set the key in") as refused:
        load_settings({})
    assert SECRET not in str(refused.value)
    (folder / ".env").write_text("TALLY_PORT=3001\nTALLY_SOURCE=sandbox\n")
    assert load_settings({}).source == "sandbox"


def test_nor_does_one_that_hides_the_projects_lake_of_tmdbs(folder: Path) -> None:
    (folder / ".env").write_text("TALLY_PORT=3001\n")
    lake = folder.parent / "project" / ".tally" / "tmdb" / "lake"
    lake.mkdir(parents=True)
    (lake / "lake.json").write_text('{"source": "tmdb"}')
    with pytest.raises(SettingsError, match="there is a lake of TMDB's"):
        load_settings({})


def test_without_a_file_it_is_told_where_one_was_looked_for(folder: Path) -> None:
    project = folder.parent / "project"
    found = load_settings({})
    assert found.told_by == f"the environment (no .env in {folder} or {project})"
    assert found.home == project / ".tally"
    (folder / ".tally").mkdir()
    assert load_settings({}).home == folder / ".tally"


def test_a_file_can_be_named(folder: Path, tmp_path: Path) -> None:
    (folder / ".env").write_text("TALLY_PORT=1\n")
    (tmp_path / "cron.env").write_text("TALLY_PORT=2\n")
    assert load_settings({"TALLY_DOTENV": "../cron.env"}).port == 2
    assert load_settings({"TALLY_DOTENV": os.devnull}).port == 3000


def test_an_installed_package_has_no_project_beside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert dotenv.project_folder() == Path(__file__).parents[2]
    monkeypatch.setattr(dotenv, "__file__", str(tmp_path / "site-packages/tally_pipeline/settings/dotenv.py"))
    assert dotenv.project_folder() is None


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("TMDB_TOKEN", "TMDB_API_TOKEN"),
        ("TMDB_APIKEY", "TMDB_API_KEY"),
        ("tally_home", "TALLY_HOME"),
        ("TALLY_HOM", "TALLY_HOME"),
        ("TALLY_HOME_DIR", "TALLY_HOME"),
        ("TMDB_URL", "TMDB_BASE_URL"),
        ("TALLY_SENSOR_SECOND", "TALLY_SENSOR_SECONDS"),
    ],
)
def test_in_the_environment_too_a_name_that_is_nearly_one_is_told(name: str, setting: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} in the environment is no setting: was {setting} meant"):
        load_settings({name: SECRET}, dotenv=None)


@pytest.mark.parametrize(
    "name",
    ["TALLY_COLOUR", "TMDB_REGION", "TALLY_DEBUG", "TALLY_ENV", "TALLY_PATH", "TALLY_VERSION", "TMDB_CACHE"],
)
def test_a_name_that_is_no_setting_is_told_and_does_no_harm(name: str) -> None:
    found = load_settings({name: "1"}, dotenv=None)
    assert len(found.notices) == 1
    assert f"{name} in the environment is no setting and does nothing" in found.notices[0]


def test_beside_the_setting_itself_a_name_that_is_nearly_it_does_no_harm() -> None:
    found = load_settings({"TMDB_TOKEN": SECRET, "TMDB_API_TOKEN": SECRET}, dotenv=None)
    assert "TMDB_TOKEN in the environment is no setting" in found.notices[0]
    assert SECRET not in found.notices[0]


@pytest.mark.parametrize(
    "name", ["TALLY_TEST_CHROMIUM", "TALLY_SHARED", "PATH", "HOME", "AWS_PROFILE", "TALLEST", "DAGSTER_HOME"]
)
def test_other_programs_names_and_the_tests_own_are_none_of_its_business(name: str) -> None:
    assert load_settings({name: "x"}, dotenv=None).notices == ()


def test_a_file_that_sets_nothing_of_ours_is_told_of_and_not_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TMDB_API_TOKEN=\n")
    assert f"{tmp_path / '.env'} sets nothing of Tally's" in load_settings({}).told_by


def test_a_file_that_would_be_waited_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(SettingsError, match="is no file"):
        load_settings({})


@pytest.mark.parametrize(
    ("there", "home"),
    [
        (("folder/.env", "project/.env", "folder/.tally", "project/.tally"), "folder"),
        (("folder/.env", "project/.tally"), "folder"),
        (("project/.env", "folder/.tally"), "project"),
        (("folder/.tally", "project/.tally"), "folder"),
        (("project/.tally",), "project"),
        ((), "project"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, tuple) else it,
)
def test_where_the_home_is_by_default_is_as_readme_says(
    folder: Path, there: tuple[str, ...], home: str
) -> None:
    places = {"folder": folder, "project": folder.parent / "project"}
    for name in there:
        place, what = name.split("/")
        if what == ".env":
            (places[place] / what).write_text("TALLY_PORT=1\n")
        else:
            (places[place] / what).mkdir()
    assert load_settings({}).home == places[home] / ".tally"


def test_a_package_has_its_home_in_the_working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dotenv, "project_folder", lambda: None)
    assert load_settings({}).home == folder / ".tally"


# --- a key that is nearly there never ends in the sandbox --------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("TMDB", "API_TOKEN", "API_KEY", "TOKEN", "THEMOVIEDB_API_KEY", "MOVIEDB_TOKEN", "TALLY_API_TOKEN"),
        *("TMDB_SECRET", "TMDB_AUTH", "TMDB_READ_ACCESS", "themoviedb-key", "TMDB_PASSWORD"),
    ],
)
@pytest.mark.parametrize("other", ["", "TALLY_PORT=3001\n"])
def test_beside_the_project_a_name_that_may_be_the_keys_is_an_error(
    folder: Path, name: str, other: str
) -> None:
    own = folder.parent / "project" / ".env"
    own.write_text(f"{other}{name}={SECRET}\n")
    with pytest.raises(SettingsError, match="is no setting") as refused:
        load_settings({})
    assert str(own) in str(refused.value)
    assert SECRET not in str(refused.value)
    own.write_text(f"{other}{name}={SECRET}\nTMDB_API_KEY=it\n")
    assert load_settings({}).source == "tmdb"
    own.write_text(f"{other}TALLY_SOURCE=sandbox\n")
    assert load_settings({}).notices == ()


@pytest.mark.parametrize("other", ["", "TALLY_PORT=3001\n"])
def test_beside_the_project_any_other_name_is_told(folder: Path, other: str) -> None:
    own = folder.parent / "project" / ".env"
    own.write_text(f"{other}EDITOR=vi\n")
    assert load_settings({}).notices == (f"EDITOR in {own} is no setting and does nothing",)
    # Elsewhere it is another program's.
    (folder / ".env").write_text(f"TALLY_PORT=1\nAPI_TOKEN={SECRET}\nGITHUB_TOKEN={SECRET}\n")
    own.unlink()
    assert load_settings({}).notices == ()


@pytest.mark.parametrize("name", ["TMBD_API_TOKEN", "TMDBAPITOKEN", "TMD_API_KEY", "tmdbapikey"])
def test_in_the_environment_a_name_that_is_nearly_the_keys_is_an_error_without_a_key(name: str) -> None:
    with pytest.raises(
        SettingsError, match=f"{name} in the environment is no setting: was TMDB_API_"
    ) as refused:
        load_settings({name: SECRET}, dotenv=None)
    assert SECRET not in str(refused.value)
    assert name in load_settings({name: SECRET, "TMDB_API_TOKEN": "it"}, dotenv=None).notices[0]


@pytest.mark.parametrize(
    ("name", "setting"),
    [("TALY_HOME", "TALLY_HOME"), ("TALLYHOME", "TALLY_HOME"), ("TALYPORT", "TALLY_PORT")],
)
def test_a_name_that_is_nearly_another_settings_is_told(name: str, setting: str) -> None:
    (notice,) = load_settings({name: "1"}, dotenv=None).notices
    assert notice == f"{name} in the environment is no setting and does nothing: was {setting} meant?"


def test_other_programs_names_raise_no_alarm() -> None:
    names = (
        "GITHUB_TOKEN AWS_SESSION_TOKEN API_TOKEN API_KEY TOKEN OMDB_API_KEY IMDB_API_KEY TVDB_API_KEY NPM_TOKEN"
        " AWS_REGION OPENAI_API_KEY SSH_AUTH_SOCK HOME PORT SOURCE LANGUAGE TZ ATTEMPTS DB_PORT TALENT_HOME TERM"
    )
    environ = dict.fromkeys(names.split(), "eu-central-1")
    found = load_settings(environ, dotenv=None)
    assert (found.notices, found.source) == ((), "sandbox")


def test_in_a_file_the_name_of_another_file_is_told_to_have_no_effect(folder: Path) -> None:
    (folder / ".env").write_text("TALLY_DOTENV=other.env\nTALLY_PORT=1\n")
    (notice,) = load_settings({}).notices
    assert notice == f"TALLY_DOTENV in {folder / '.env'} has no effect: it is heeded in the environment alone"


@pytest.mark.parametrize("name", [".env.txt", ".env.local", "env", "env.txt"])
@pytest.mark.parametrize("place", ["work", "project"])
def test_a_file_with_nearly_the_right_name_is_named(folder: Path, place: str, name: str) -> None:
    path = folder.parent / place / name
    path.write_text("TALLY_PORT=3001\n")
    (notice,) = load_settings({}).notices
    assert notice == f"{path} sets TALLY_PORT and is not read: did you mean to call it .env?"
    path.write_text(f"TALLY_PORT=3001\nTMDB_API_TOKEN={SECRET}\n")
    with pytest.raises(SettingsError, match="sets TMDB_API_TOKEN and is not read: did you mean") as refused:
        load_settings({})
    assert SECRET not in str(refused.value)
    assert len(load_settings({"TALLY_SOURCE": "sandbox"}).notices) == 1
    path.write_text(f"AWS_REGION=eu-central-1\nGITHUB_TOKEN={SECRET}\n")
    assert load_settings({}).notices == ()
    path.unlink()
    path.mkdir()  # as Python's environments are
    assert load_settings({}).notices == ()
