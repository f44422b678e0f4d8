"""`deploy/` and the pipeline agree: names, folders, settings, defaults. Read as text; Terraform is not needed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tally_pipeline.aws.secrets import UNSET
from tally_pipeline.cli.deploy import settings
from tally_pipeline.datasets import GENRES, SERIES
from tally_pipeline.lake import layout
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.deploy.terraform import DEPLOY, ROOTS

_BLOCK = re.compile(r'^(variable|output) "([a-z0-9_]+)" \{\n(.*?)^\}', re.M | re.S)
_DEFAULT = re.compile(r"^  default +=(.*)$", re.M)


def _blocks(root: Path, kind: str) -> dict[str, str]:
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(root.glob("*.tf")))
    return {name: body for found, name, body in _BLOCK.findall(text) if found == kind}


def _terraform_files() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in DEPLOY.glob("*.tf"))


@pytest.mark.parametrize("root", ROOTS.values(), ids=ROOTS)
def test_every_variable_has_a_type_a_description_and_a_check(root: Path) -> None:
    variables = _blocks(root, "variable")
    assert variables
    for name, body in variables.items():
        assert re.search(r'^  description = ".{20,}"$', body, re.M), name
        kind = re.search(r"^  type +=(.*)$", body, re.M)
        assert kind, name
        # There is no wrong value of a bool.
        assert "validation {" in body or kind[1].strip() == "bool", name


@pytest.mark.parametrize("root", ROOTS.values(), ids=ROOTS)
def test_every_output_is_described(root: Path) -> None:
    outputs = _blocks(root, "output")
    assert outputs
    assert [name for name, body in outputs.items() if "  description = " not in body] == []


@pytest.mark.parametrize("root", ROOTS.values(), ids=ROOTS)
def test_the_example_shows_every_variable_with_its_default(root: Path) -> None:
    example = (root / "terraform.tfvars.example").read_text(encoding="utf-8")
    shown = {
        name: value.partition(" #")[0].strip()
        for name, value in re.findall(r"^(?:# )?([a-z0-9_]+) += (.*)$", example, re.M)
    }
    variables = _blocks(root, "variable")
    # The token is for the environment: a file would keep it.
    assert set(shown) == set(variables) - {"tmdb_token"}
    for name, value in shown.items():
        default = _DEFAULT.search(variables[name])
        assert default is None or default[1].strip() == value, name


def test_the_outputs_are_the_pipelines_settings() -> None:
    outputs = {name.upper() for name in _blocks(DEPLOY, "output")}
    assert outputs == {*settings.NEEDED, *settings.OPTIONAL}


def test_the_folders_that_may_be_written_are_the_layouts() -> None:
    names = (DEPLOY / "names.tf").read_text(encoding="utf-8")
    bronze = re.search(r'bronze +?= "(\w+)"', names)
    rebuilt = re.search(r"rebuilt +?= \[(.*?)\]", names)
    assert bronze
    assert rebuilt
    keys = [
        str(layout.BronzeKey("a_list", "2025-12-24", "run")),
        GENRES.place.folder,
        layout.silver_key("a_list", "2025-12-24"),
        layout.quarantine_key("a_list", "2025-12-24"),
        SERIES.silver_key("2025-12-24"),
        SERIES.quarantine_table.pattern,
        GENRES.silver_key("2025-12-24"),
        layout.gold_key("a_table", "2025-12-24"),
        layout.report_key("2025-12-24"),
        layout.latest_report_key(),
    ]
    assert {key.split("/")[0] for key in keys} == {bronze[1], *re.findall(r"\w+", rebuilt[1])}


def test_lists_and_columns_are_written_down_in_the_contract_only() -> None:
    text = _terraform_files()
    assert 'jsondecode(file("${path.module}/contract.json"))' in text
    assert [one.name for one in LISTS if one.name in text] == []


def test_the_token_that_nobody_set_is_told_from_a_token() -> None:
    assert f'var.tmdb_token == null ? "{UNSET}" : var.tmdb_token' in _terraform_files()


def test_the_token_is_ephemeral_and_has_no_default() -> None:
    token = _blocks(DEPLOY, "variable")["tmdb_token"]
    assert re.search(r"^  ephemeral +?= true$", token, re.M)
    assert re.search(r"^  sensitive +?= true$", token, re.M)
    assert re.search(r"^  default +?= null$", token, re.M)


def test_the_machines_first_script_is_a_script(tmp_path: Path) -> None:
    template = (DEPLOY / "compute" / "start.sh.tftpl").read_text(encoding="utf-8")
    values = {
        "repository": "https://example.org/tally.git",
        "git_ref": "v1.0.0",
        "device": "/dev/disk/by-id/a-volume",
        "settings": "TALLY_DEPLOYMENT=aws",
    }
    script = re.sub(r"(?<!\$)\$\{(\w+)\}", lambda found: values[found[1]], template).replace("$${", "${")
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
