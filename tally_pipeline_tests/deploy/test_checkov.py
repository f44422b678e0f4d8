"""checkov finds nothing in `deploy/` that is not answered for."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tally_pipeline_tests.deploy.terraform import DEPLOY, ROOT

_SKIP = re.compile(r"#checkov:skip=(CKV2?_AWS_\d+)(?::(.*))?")


def test_every_check_that_is_switched_off_has_its_reason() -> None:
    skips = [
        skip for file in DEPLOY.rglob("*.tf") for skip in _SKIP.findall(file.read_text(encoding="utf-8"))
    ]
    assert skips
    assert [check for check, reason in skips if len(reason.split()) < 4] == []


@pytest.mark.slow
def test_checkov_finds_nothing() -> None:
    done = subprocess.run(
        ["sh", "scripts/checkov.sh", "--output", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.lstrip().startswith("{"), done.stdout + done.stderr
    found = json.loads(done.stdout)
    failed = [
        f"{one['check_id']} {one['resource']}: {one['check_name']}"
        for one in found["results"]["failed_checks"]
    ]
    assert failed == []
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["passed"] >= 50
