"""Rules about the code that no linter has."""

from __future__ import annotations

import ast
from pathlib import Path

import tally_pipeline

PACKAGE = Path(tally_pipeline.__file__).parent


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
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path not in (PACKAGE / "settings" / "settings.py", PACKAGE / "settings" / "dotenv.py")
        for line in _environment_reads(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


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
