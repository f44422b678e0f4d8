"""Initialized copies of Terraform's root modules, and what a plan of the lake holds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline_tests.conftest import ON_CI
from tally_pipeline_tests.deploy import terraform
from tally_pipeline_tests.deploy.terraform import ROOTS


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A copy of each root module, by name."""
    if shutil.which("terraform") is None and not ON_CI:
        pytest.skip("terraform is not on PATH: install 1.11 or later")
    return {name: terraform.copy(root, tmp_path_factory.mktemp(name)) for name, root in ROOTS.items()}


@pytest.fixture(scope="session")
def plan(roots: dict[str, Path]) -> dict[str, Any]:
    """The planned values of each of the lake's resources, by address."""
    return terraform.planned(roots["lake"], "access.tftest.hcl", "the_policies_are_exact")
