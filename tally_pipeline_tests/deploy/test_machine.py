"""The machine's life: made, started late for its capture, restarted, upgraded, and upgraded to what is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.conftest import ON_CI
from tally_pipeline_tests.deploy.machine import DEVICE, Machine, Source
from testkit.running import Up, running

pytestmark = pytest.mark.slow

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
SETTINGS = {
    # Missed at any time of the day that a test may run at.
    "TALLY_SCHEDULE": "0 0 * * *",
    **{f"TALLY_PAGES_{one.name.upper()}": "1" for one in LISTS},
}


@pytest.fixture(scope="module", autouse=True)
def _needed() -> None:
    for program in ("python3.11", "terraform", "git", "mkfs.ext4", "blkid"):
        if shutil.which(program, path=PATH) is None and not ON_CI:
            pytest.skip(f"{program} is not on PATH")


def test_a_machine_captures_what_it_missed_and_keeps_its_history_through_an_upgrade(tmp_path: Path) -> None:
    source = Source(tmp_path / "source")
    first, second = source.commit("0.1.1"), source.commit("0.1.2")
    machine = Machine(tmp_path, source.address, SETTINGS)

    asked = machine.boot(first)
    assert asked == [
        "systemctl daemon-reload",
        "systemctl enable --quiet tally-patch.timer tally-install.service",
        "systemctl restart --no-block tally-patch.timer tally-install.service",
    ]
    made = machine.start("tally-install.service")
    assert made.code == 0, made.said
    assert "systemctl restart --no-block tally.service" in made.noted
    assert holds(machine.device, "TYPE") == "ext4"
    volume = holds(machine.device, "UUID")
    assert fstab(machine) == [f"UUID={volume} /var/lib/tally ext4 defaults,nofail 0 2"]
    assert f"mount {machine.root}/var/lib/tally" in made.noted
    assert version(machine) == "0.1.1"
    assert not (machine.root / "opt/tally/current/.venv/bin/pytest").exists()

    with up(machine) as began:
        began.until("The sync took")
        assert "It is made up for now." in began.words

    machine.boot(first)
    again = machine.start("tally-install.service")
    assert "systemctl start --no-block tally.service" in again.noted
    assert not any("restart" in line for line in again.noted)
    assert holds(machine.device, "UUID") == volume
    assert len(fstab(machine)) == 1

    machine.boot(second)
    upgraded = machine.start("tally-install.service")
    assert upgraded.code == 0, upgraded.said
    assert "systemctl restart --no-block tally.service" in upgraded.noted
    assert version(machine) == "0.1.2"
    with up(machine) as after:
        after.until("Up: ")
        assert "was missed" not in after.words
        with dg.DagsterInstance.from_config(str(after.dagster_home)) as history:
            (run,) = history.get_runs(dg.RunsFilter(job_name="sync"))
    assert run.is_success

    broken = "raise SystemError('broken')\n"
    for number, file in enumerate(("cli/__init__.py", "definitions.py")):
        machine.boot(source.commit(f"0.1.{3 + number}", {f"tally_pipeline/{file}": broken}))
        failed = machine.start("tally-install.service")
        assert failed.code == 1
        assert "could not be installed, or does not start: see above" in failed.said
        assert "SystemError: broken" in failed.said
        assert version(machine) == "0.1.2"
        assert not any("restart" in line for line in failed.noted)

    nowhere = "0" * 40
    machine.boot(nowhere)
    failed = machine.start("tally-install.service")
    assert failed.code == 1
    assert f"{nowhere} of {source.address} could not be installed, or does not start" in failed.said
    assert f"What runs: {second}." in failed.said
    assert "systemctl start --no-block tally.service" in failed.noted
    assert version(machine) == "0.1.2"


def test_a_volume_that_holds_something_else_is_not_written_to(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "https://example.org/tally.git", {})
    machine.boot("v1")
    subprocess.run(["mkfs.ext2", "-q", machine.device], check=True, env={"PATH": PATH})
    before = machine.device.read_bytes()
    ran = machine.start("tally-install.service")
    assert ran.code == 1
    assert f"the data volume {DEVICE} holds 'ext2'" in ran.said
    assert machine.device.read_bytes() == before


def test_a_volume_that_lost_its_first_block_is_not_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "https://example.org/tally.git", {})
    machine.boot("v1")
    subprocess.run(["mkfs.ext4", "-q", machine.device], check=True, env={"PATH": PATH})
    with machine.device.open("r+b") as volume:
        volume.write(bytes(4096))
    before = machine.device.read_bytes()
    ran = machine.start("tally-install.service")
    assert ran.code == 1
    assert f"the data volume {DEVICE} holds no file system that is known, and is not blank" in ran.said
    assert machine.device.read_bytes() == before


def test_patching_restarts_the_machine_only_if_it_has_to(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "https://example.org/tally.git", {})
    machine.boot("v1")
    calm = machine.start("tally-patch.service")
    assert calm.noted == [
        "dnf upgrade --assumeyes --quiet --releasever=latest",
        "dnf needs-restarting --reboothint",
    ]
    machine.needs_restart()
    assert machine.start("tally-patch.service").noted[-1] == "systemctl reboot"
    assert machine.unit("tally-patch.timer")["Timer"]["OnCalendar"] == "Sun *-*-* 14:00:00 UTC"


def up(machine: Machine) -> AbstractContextManager[Up]:
    """What the machine's service runs, with its settings and its state."""
    program, command, *arguments = machine.command("tally.service")
    assert command == "up"
    own = ("TALLY_HOME", "HOME")
    settings = {name: value for name, value in machine.environment.items() if name not in own}
    return running(machine.state, *arguments, settings=settings, command=Path(program))


def version(machine: Machine) -> str:
    """The version that the service would run."""
    told = subprocess.run(
        [machine.command("tally.service")[0], "--version"], check=True, capture_output=True, text=True
    )
    return told.stdout.split()[-1]


def holds(device: Path, tag: str) -> str:
    told = subprocess.run(
        ["blkid", "--probe", "--match-tag", tag, "--output", "value", device],
        env={"PATH": PATH},
        check=True,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip()


def fstab(machine: Machine) -> list[str]:
    """The lines for the data volume; the others must stay."""
    lines = (machine.root / "etc" / "fstab").read_text().splitlines()
    assert lines[0] == "UUID=0000-0000 / xfs defaults,noatime 1 1"
    return lines[1:]
