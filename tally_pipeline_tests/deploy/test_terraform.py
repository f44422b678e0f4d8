"""What Terraform itself says about `deploy/`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tally_pipeline_tests.deploy.terraform import DEPLOY, ROOTS, copy, own_tests, terraform

pytestmark = pytest.mark.slow


def test_the_files_are_formatted(roots: dict[str, Path]) -> None:
    done = terraform(DEPLOY, "fmt", "-check", "-diff", "-recursive")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_module_is_valid(roots: dict[str, Path], root: str) -> None:
    done = terraform(roots[root], "validate", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("root", "least"), [("lake", 18), ("compute", 12)])
def test_terraforms_own_tests_pass(roots: dict[str, Path], root: str, least: int) -> None:
    found = own_tests(roots[root])
    assert found.passed, found.output
    assert found.output.count("... pass") >= least, found.output


def test_the_machine_comes_after_all_that_its_first_minutes_need(roots: dict[str, Path]) -> None:
    done = terraform(roots["compute"], "graph")
    assert done.returncode == 0, done.stderr
    needs = re.findall(r'^  "aws_instance\.dagster" -> "(.*)";$', done.stdout, re.MULTILINE)
    assert set(needs) >= {
        "aws_ebs_volume.data",
        "aws_iam_role_policy.session_manager",
        "aws_iam_role_policy_attachment.pipeline",
        "aws_route_table_association.public",
        "aws_vpc_security_group_egress_rule.https",
    }


def test_a_test_of_terraforms_fails_when_the_files_do_wrong(roots: dict[str, Path], tmp_path: Path) -> None:
    """The queue's policy without the account is what no scanner sees."""
    broken = copy(DEPLOY, tmp_path)
    events = broken / "events.tf"
    whole = events.read_text(encoding="utf-8")
    without = whole.replace('StringEquals = { "aws:SourceAccount" = local.account }', "")
    assert without != whole
    events.write_text(without, encoding="utf-8")
    found = own_tests(broken, "-filter=tests/access.tftest.hcl")
    assert not found.passed
    assert "Others may write to the queue." in found.output
