"""Every link of README and docs/ leads somewhere, every block is run or says why not, every command is one."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tally_pipeline_tests.docs.pages import NEWCOMERS, PAGES, ROOT, Block, Page
from testkit import tally

RUN_AS_PYTHON = ("docs/using.md", "docs/aws.md")
BLOCKS = [block for page in PAGES for block in page.blocks]
COMMANDS = sorted({command for page in PAGES for command in re.findall(r"`tally ([^`]+)`", page.text)})

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@by_page
def test_every_link_leads_to_a_file_or_a_heading(page: Page) -> None:
    lost = []
    for link in page.links:
        if urlsplit(link).scheme:
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        there = target.is_relative_to(ROOT) and target.exists()
        if not there or (anchor and anchor not in Page(target.relative_to(ROOT).as_posix()).anchors):
            lost.append(link)
    assert lost == []


@by_page
def test_links_to_other_sites_are_whole(page: Page) -> None:
    for link in page.links:
        if scheme := urlsplit(link).scheme:
            assert scheme == "https", link
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", urlsplit(link).netloc), link


@by_page
def test_files_that_it_names_are_there(page: Page) -> None:
    """Those in backticks and in comments. A newcomer's page names what it adds, and <list> is no file."""
    text = page.text
    roots = "tally_pipeline|tally_pipeline_tests|testkit|proof|benchmarks|deploy|scripts"
    named = set(re.findall(rf"(?<![\w/.-])((?:{roots})/[\w./-]*\w)", text))
    added = {block.note.partition(": ")[2] for block in page.blocks if page.name in NEWCOMERS}
    # deploy/terraform.tfvars and deploy/compute/lake.json are made by the commands beside them.
    made = {"deploy/terraform.tfvars", "deploy/compute/lake.json", "deploy/compute/terraform.tfvars"}
    assert [name for name in sorted(named - added - made) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_block_says_what_it_is_and_whether_it_is_run(block: Block) -> None:
    assert block.language in ("sh", "python", "sql", "diff", "text"), "say the language of the block"
    if block.not_run is not None:
        assert block.language == "sh"
        assert len(block.not_run.split()) >= 3, "say why it is not run"
    elif block.page in NEWCOMERS:
        assert (block.language == "sh") == (not block.note), "say which file it is of"
    else:
        assert not block.note
        assert block.language in ("sh", "text") or block.page in RUN_AS_PYTHON, "no test runs it"


def test_every_fence_is_one_of_a_block() -> None:
    for page in PAGES:
        assert len(re.findall(r"^ *```", page.text, re.MULTILINE)) == 2 * len(page.blocks), page.name


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_every_page_is_reached_from_readme() -> None:
    known = {page.path: page for page in PAGES}
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path not in reached and path in known:
            reached.add(path)
            paths = (link.partition("#")[0] for link in known[path].links if not urlsplit(link).scheme)
            ahead += [(path.parent / name).resolve() for name in paths if name]
    assert sorted(set(known) - reached) == []


@cache
def help_of(*command: str) -> str:
    """What `--help` of a command says; empty where there is no such command."""
    ran = tally.run(Path.cwd(), {}, *command, "--help")
    return ran.out if ran.code == 0 else ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_it_names_is_one(command: str) -> None:
    if command == "--version":
        assert tally.run(Path.cwd(), {}, command).code == 0
        return
    words = shlex.split(command) if command.count('"') % 2 == 0 else command.split()
    name = [words[0]]
    if len(words) > 1 and re.fullmatch("[a-z]+", words[1]) and help_of(*words[:2]) != help_of(words[0]):
        name = words[:2]
    said = help_of(*name)
    assert said, f"`tally {command}` is no command"
    for option in words:
        if option.startswith("--"):
            assert re.search(rf"{option}\b", said), f"`tally {' '.join(name)}` knows no {option}"
