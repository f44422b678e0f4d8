"""Every command says what it does, and a shell completes it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tally_pipeline import __version__
from tally_pipeline.cli import tally as root
from tally_pipeline.query import samples
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.cli.conftest import Tally
from testkit.running import bare

PROJECT = Path(__file__).parents[2]


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, ...]]:
    """The names of every command, those of groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*above, name)
        below = group.get_command(context, name)
        if isinstance(below, click.Group):
            yield from commands(below, *above, name)


COMMANDS = sorted(commands(root))


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_says_what_it_and_each_option_does(
    run_tally: Tally, names: tuple[str, ...]
) -> None:
    ran = run_tally(*names, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert run_tally(*names, "-h").out == ran.out
    usage, _, rest = ran.out.partition("\n\n")
    assert usage.startswith(f"Usage: tally {' '.join(names)} ")
    assert re.match(r"  [A-Z][^.]+\.", rest), "no sentence that says what it does"
    assert max(map(len, ran.out.splitlines())) <= 80
    for option, told in re.findall(r"^  (?:-\w, )?(--[\w-]+)(.*(?:\n {10,}.*)*)", rest, re.MULTILINE):
        assert re.search(r"[A-Z].*(\.|\])$", told, re.DOTALL), f"{option} says nothing"


def test_the_help_lists_every_command_with_its_whole_sentence(run_tally: Tally) -> None:
    listed = re.findall(r"^  (\w+) +(\S.*)$", run_tally("--help").out.partition("Commands:")[2], re.MULTILINE)
    assert [name for name, _ in listed[:-1]] == [names[0] for names in _in_order() if len(names) == 1]
    assert all(sentence.endswith(".") and "..." not in sentence for _, sentence in listed)


def _in_order() -> list[tuple[str, ...]]:
    return list(commands(root))


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_the_help_shows_every_default(run_tally: Tally, names: tuple[str, ...]) -> None:
    said = " ".join(run_tally(*names, "--help").out.split())
    command: click.Command = root
    for name in names:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name) or root
    for option in command.params:
        default = option.to_info_dict()["default"]
        if (
            default is not None
            and isinstance(option, click.Option)
            and not (option.is_flag or option.multiple)
        ):
            assert f"[default: {default}]" in said


def test_no_help_waits_for_a_big_library(tmp_path: Path) -> None:
    program = f"""
import sys
from tally_pipeline.cli import main
for names in {[("--version",), ("--help",), *((*names, "--help") for names in COMMANDS)]}:
    assert main(names) == 0, names
print("imported:", *{{name.partition(".")[0] for name in sys.modules}})
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=bare({}),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(ran.stdout.rpartition("imported:")[2].split())
    assert "click" in imported
    assert imported.isdisjoint({"dagster", "pyarrow", "pandas", "duckdb", "boto3", "requests", "sqlglot"})


def test_the_help_of_sync_names_the_lists(run_tally: Tally) -> None:
    words = " ".join(run_tally("sync", "--help").out.split())
    assert ", ".join(one.name for one in LISTS) in words


def test_the_version_is_the_packages(run_tally: Tally) -> None:
    assert run_tally("--version").out == f"tally {__version__}\n"


def completed(words: str, *, shell: str = "bash") -> tuple[list[str], str]:
    """What a shell is told to offer for the last of these words, and the modules that this imported."""
    said = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-c",
            "import sys; from tally_pipeline.cli import main; sys.exit(main())",
        ],
        env=bare(
            {
                "_TALLY_COMPLETE": f"{shell}_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split(" ")) - 1),
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in said.stdout.splitlines()], said.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("tally s", ["status", "sandbox", "sync"]),
        ("tally deploy ", ["check", "prove", "settings"]),
        ("tally sync --j", ["--json"]),
        ("tally sync --list ", [one.name for one in LISTS]),
        ("tally sync --list tr", ["trending_shows"]),
        ("tally query --sample ", samples.names()),
        ("tally query --format ", ["table", "csv", "json"]),
        ("tally export here --only g", ["gold"]),
    ],
)
def test_tab_offers_what_may_follow_and_imports_no_dagster(words: str, offered: list[str]) -> None:
    told, imported = completed(words)
    assert sorted(told) == sorted(offered)
    assert not re.search(r"\| +(dagster|duckdb|boto3|pandas)$", imported, re.MULTILINE)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell_asks_tally(run_tally: Tally, shell: str) -> None:
    ran = run_tally("completion", shell)
    assert ran.code == 0
    assert f"_TALLY_COMPLETE={shell}_complete" in ran.out


def test_bash_completes_by_the_script(run_tally: Tally, tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(run_tally("completion", "bash").out)
    command = tmp_path / "tally"
    command.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {sys.path!r}\n"
        "from tally_pipeline.cli import main\nsys.exit(main())\n"
    )
    command.chmod(0o755)
    said = subprocess.run(
        [
            "bash",
            "-c",
            f"source {script}; COMP_WORDS=(tally sync --list on); COMP_CWORD=3;"
            f" _tally_completion {command}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        ],
        env=bare({}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["on_the_air"]


def test_every_command_stands_in_the_pages() -> None:
    text = "\n".join(path.read_text() for path in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
    missing = [" ".join(names) for names in COMMANDS if f"tally {' '.join(names)}" not in text]
    assert missing == []
