"""Rules about the code that no linter has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tally_pipeline

PACKAGE = Path(tally_pipeline.__file__).parent
TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent


def _environment_reads(tree: ast.AST) -> list[int]:
    """The lines that read the environment or a `.env` file. Setting a variable for a child is no read."""
    set_here = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del)
    }
    lines = []
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr="environ" | "environb" | "getenv" | "getenvb") if node not in set_here:
                lines.append(node.lineno)
            case ast.ImportFrom(module="os", names=names) if {"environ", "getenv"} & {
                it.name for it in names
            }:
                lines.append(node.lineno)
            case ast.ImportFrom(module="dotenv"):
                lines.append(node.lineno)
            case ast.Import(names=names) if "dotenv" in {it.name for it in names}:
                lines.append(node.lineno)
    return lines


def test_only_settings_reads_the_environment() -> None:
    reads = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent != PACKAGE / "settings"
        for line in _environment_reads(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert reads == []


def test_a_read_of_the_environment_is_seen_in_every_form() -> None:
    for source in (
        "import os\nos.environ['X']",
        "import os\nos.getenv('X')",
        "from os import environ as e",
        "from dotenv import load_dotenv",
        "import dotenv",
    ):
        assert _environment_reads(ast.parse(source)), source


def test_a_variable_set_for_a_child_process_is_no_read() -> None:
    assert _environment_reads(ast.parse("import os\nos.environ['X'] = 'y'")) == []


def _imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the full name of everything that is imported: `from a import b` is both `a` and `a.b`."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names):
                yield node.lineno, module or ""
                yield from ((node.lineno, f"{module or ''}.{alias.name}") for alias in names)


def _imports_test_file(tree: ast.AST) -> list[int]:
    """The lines that import from a file of tests, by its full name or relatively."""
    return [
        line
        for line, name in _imported(tree)
        if any(part.startswith("test_") for part in name.split(".")[:-1])
        or (name.startswith(TESTS.name) and name.rpartition(".")[2].startswith("test_"))
    ]


def _imports_tests(tree: ast.AST) -> list[int]:
    """The lines that import anything of the tests."""
    return [line for line, name in _imported(tree) if name.split(".")[0] == TESTS.name]


def test_no_file_imports_from_a_file_of_tests() -> None:
    """What several files of tests need is in a conftest.py, in a helper module beside them or in testkit/."""
    imports = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in _imports_test_file(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert imports == []


@pytest.mark.parametrize("folder", ["proof", "benchmarks", "testkit"])
def test_proofs_benchmarks_and_the_testkit_import_no_tests(folder: str) -> None:
    files = sorted((REPOSITORY / folder).rglob("*.py"))
    assert files
    imports = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in files
        for line in _imports_tests(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert imports == []


def test_an_import_of_tests_is_seen_in_every_form() -> None:
    for source in (
        "from tally_pipeline_tests.cli.test_sync import run",
        "from tally_pipeline_tests.cli import test_sync",
        "import tally_pipeline_tests.cli.test_sync as sync",
        "def late():\n    from tally_pipeline_tests.cli.test_sync import run",
    ):
        assert _imports_test_file(ast.parse(source)), source
        assert _imports_tests(ast.parse(source)), source
    assert _imports_test_file(ast.parse("from .test_sync import run"))
    assert not _imports_test_file(ast.parse("from tally_pipeline_tests.cli.own_process import TALLY"))


_CLAUSE = re.compile(r"(?:What|Whatever|Who|Whoever|Whether|Where|When|Why|How|Which)\b")


def _clauses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the text of each docstring that begins with a clause, those of constants included."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))) if _CLAUSE.match(text.strip()):
                yield node.lineno, text


def test_no_docstring_begins_with_a_clause() -> None:
    """`True if a capture is stored` and `The captures of a day`, not `Whether …` and `What …`."""
    clauses = [
        f"{path.relative_to(PACKAGE)}:{line} {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in _clauses(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert clauses == []


def test_a_docstring_that_begins_with_a_clause_is_seen_wherever_it_stands() -> None:
    clause = '"""What a day holds."""'
    for source in (
        clause,
        f"X = 1\n{clause}",
        f"class C:\n    {clause}",
        f"class C:\n    x: int\n    {clause}",
        f"async def f():\n    {clause}",
        f"def f():\n    def g():\n        {clause}",
        '"""\nWhether it is whole.\n"""',
    ):
        assert list(_clauses(ast.parse(source))), source
    assert not list(_clauses(ast.parse('"""Whatsoever."""\nx = "What a day holds."')))
