"""What every test may use: where the real recordings are, and how hard Hypothesis looks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from testkit.pinned import hold_the_day, wait_for_a_day_with_time_left

pytest_plugins = ["testkit.aws.moto_server"]

ON_CI = bool(os.environ.get("CI"))

# No deadline: how long an example takes on a busy machine says nothing about the code.
settings.register_profile("quick", max_examples=50, deadline=None)
# Derandomized, so that what passed once passes again; it looks longer instead.
settings.register_profile("tally-ci", max_examples=200, deadline=None, derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("TALLY_TEST_PROFILE") or ("tally-ci" if ON_CI else "quick"))


# Before any test module is read: some work out days there.
hold_the_day()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that talk to an emulated AWS; files with slow tests go first, so that none begins last."""
    for item in items:
        if "moto_url" in getattr(item, "fixturenames", ()):
            item.add_marker("aws")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begins no slow test where its processes, which live by the machine's clock, would see midnight."""
    if item.get_closest_marker("slow") or item.get_closest_marker("browser"):
        wait_for_a_day_with_time_left()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` that stands beside the repository, or the one that `TALLY_SHARED` names."""
    repository = Path(__file__).parents[1]
    folder = Path(os.environ.get("TALLY_SHARED", repository.parent / "shared"))
    if not folder.is_dir():
        _missing(f"no folder {folder}: put shared/ beside the repository, or name it in TALLY_SHARED")
    return folder


@pytest.fixture(scope="session")
def recordings(shared: Path) -> Path:
    """The folder of TMDB's recorded replies, one subfolder a snapshot (`2025-12-24`, …)."""
    folder = shared / "tmdb" / "recordings"
    if not folder.is_dir():
        _missing(f"no recordings of TMDB at {folder}: bring shared/ up to date")
    return folder


def _missing(reason: str) -> None:
    """Skips on a developer's machine; on CI a missing part is a failure, or the gate would prove nothing."""
    if ON_CI:
        pytest.fail(reason)
    pytest.skip(reason)
