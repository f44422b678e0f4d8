"""No token anywhere, no port beyond loopback, dependencies pinned and audited, text of TMDB's shown as text."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from proof.cases import COLUMNS, Case, Home, demand, glimpse, tried
from proof.faulty import folder as faults_of_folder
from proof.faulty import s3 as faults_of_s3
from proof.faulty import tmdb as faults_of_tmdb
from proof.inspection import markup, steering, supply_chain
from proof.inspection.searching import (
    KEY,
    SECRETS,
    TOKEN,
    everything_logged,
    found_in,
    in_environment,
    in_folder,
)
from proof.report import Proof
from tally_pipeline.tmdb.sandbox import Sandbox, SandboxError
from testkit import tally
from testkit.pipeline import environment
from testkit.running import Up, running
from testkit.secrets import echoes
from testkit.tmdb.scripted_server import ScriptedServer

SIDE = "secrets"
NOWHERE = "the secret is nowhere in what was written, said and logged, DEBUG included"
LISTEN = "0A"
"""The state of a listening socket in /proc/net/tcp."""


def prove(long: bool, seed: int) -> Proof:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    rows, holds = [], True
    with tempfile.TemporaryDirectory(prefix="tally-secrets-") as folder:
        for row, held in tried(_cases(Path(folder), long=long)):
            rows.append(row)
            holds &= held
    return Proof(
        name="secrets",
        title="no token can be made to appear, and what TMDB sends is only ever text",
        columns=COLUMNS,
        rows=rows,
        holds=holds,
        seed=seed,
        notes=[
            "Searched: every file of the home, of Dagster's databases each value (unpacked where it is packed), what"
            " the commands said, every logger's DEBUG, the environment, on AWS also every object, message, request"
            " and metric; for the secret plain, quoted, in base64, and for its first twelve letters.",
            *supply_chain.NOTES,
        ],
    )


def _cases(folder: Path, *, long: bool) -> Iterator[Case]:
    whose = "every fault of TMDB and of the folder" if long else "TMDB's faults, each at its worst"
    yield Case(SIDE, f"{whose}, with token and key", NOWHERE, lambda: _under_faults(folder / "a", long=long))
    yield Case(
        SIDE, "TMDB, or a proxy, repeats what it was sent", NOWHERE, lambda: _echoed(folder / "b", SECRETS)
    )
    yield Case(
        SIDE,
        "the same with the key alone, which is in the URL",
        NOWHERE,
        lambda: _echoed(folder / "c", {"TMDB_API_KEY": KEY}),
    )
    yield Case(
        SIDE,
        f"on AWS, the token in SSM, {'every fault' if long else 'some faults'} of S3 and SQS",
        f"{NOWHERE}; in no object, message, metric or request but SSM's own reply",
        lambda: _on_aws(folder / "d", long=long),
    )
    with _looked_at(folder / "e") as up:
        yield Case(
            SIDE,
            "`tally up` with the token in .env",
            "in no process's environment or command line, in no log",
            up.nowhere,
        )
        yield Case(
            "network",
            "what listens while `tally up` runs",
            "127.0.0.1 and sockets in the file system alone",
            up.on_loopback,
        )
    yield Case("network", "a sandbox on all addresses", "refused", _sandbox_elsewhere)
    yield from supply_chain.cases()
    yield from markup.cases(folder / "f")
    yield from steering.cases(folder / "g")


# --- the token ---------------------------------------------------------------------------------------------


def _under_faults(folder: Path, *, long: bool) -> str:
    folder.mkdir()
    with ExitStack() as stack:
        history = stack.enter_context(_history(folder / "history"))
        stack.enter_context(everything_logged(folder / "debug.log"))
        home = Home(folder / "home", history, SECRETS)
        cases = list(faults_of_tmdb.alone(home, long=long, heals=False))
        cases += faults_of_folder.cases(home, limited=False) if long else []
        broken = [row for row, held in tried(cases) if not held]
    demand(not broken, f"{len(broken)} of the faults: {glimpse(str(broken), 300)}")
    return _searched(folder, SECRETS.values(), f"{len(cases)} faults")


def _history(folder: Path) -> dg.DagsterInstance:
    """A history in files, as the product's is."""
    folder.mkdir()
    return dg.DagsterInstance.local_temp(str(folder))


def _searched(folder: Path, secrets: object, what: str, *more: tuple[str, bytes]) -> str:
    written = [*in_folder(folder), *in_environment(), *more]
    searched, found = found_in(written, secrets)  # type: ignore[arg-type]
    demand(not found, f"found in {found[:5]}")
    log = next((body for name, body in written if name.endswith("debug.log")), b"")
    demand(b"/3/tv/popular" in log, "the search did not look where requests are logged")
    return f"{what}; nowhere in {searched / 1e6:,.0f} MB of {len(written):,} files and values"


def _echoed(folder: Path, secrets: dict[str, str]) -> str:
    folder.mkdir()
    sent, said = secrets.get("TMDB_API_TOKEN", KEY), []
    with ScriptedServer(total_pages=6) as server, everything_logged(folder / "debug.log"):
        told = environment(
            folder / "home", server.url, TMDB_ATTEMPTS="1", TMDB_TIMEOUT_SECONDS="30", **secrets
        )
        echoes(server, sent)
        for page in (1, 2, 3, 4, 5):
            server.always[1] = server.always[page]
            said.append(tally.run(folder, told, "sync", "--list", "popular_shows", "--pages", "6"))
        said += [tally.run(folder, told, command) for command in ("status", "audit")]
        seen = [one for one in server.seen if sent in str((one.query, one.headers))]
    demand(seen, "the secret was never sent")
    words = "".join(one.out + one.err for one in said)
    return _searched(folder, secrets.values(), f"5 syncs, sent {len(seen)} times", ("said", words.encode()))


def _on_aws(folder: Path, *, long: bool) -> str:
    folder.mkdir()
    token = faults_of_s3.TOKEN
    with ExitStack() as stack:
        history = stack.enter_context(_history(folder / "history"))
        at = stack.enter_context(faults_of_s3.world(folder / "home", history))
        stack.enter_context(everything_logged(folder / "debug.log"))
        cases = faults_of_s3.cases(at, long=long)
        cases = cases if long else cases[:3]
        broken = [row for row, held in tried(cases) if not held]
        demand(not broken, f"{len(broken)} of the faults: {glimpse(str(broken), 300)}")
        demand(at.sandbox_saw_token(), "the token was never sent")
        in_aws = list(at.everything())
        searched, found = found_in([*in_aws, *in_environment()], [token])
        demand(not found, f"found in {found[:5]}")
        told = _searched(folder, [token], f"{len(cases)} faults")
    return f"{told}, and in {searched / 1e6:,.1f} MB of {len(in_aws):,} objects, messages and requests"


# --- the UI ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _LookedAt:
    """A `tally up` that runs, and the folder in which it was started."""

    folder: Path
    up: Up

    def nowhere(self) -> str:
        """Searches what it wrote and said, and every process's environment and command line."""
        processes = list(_processes(self.folder))
        written = [(f"process {pid}", environ + command) for pid, environ, command in processes]
        written += [("said", self.up.words.encode())]
        written += [one for one in in_folder(self.folder) if not one[0].endswith("/.env")]
        searched, found = found_in(written, [TOKEN, KEY])
        demand(len(processes) >= 4, f"only {len(processes)} processes were found")
        demand(not found, f"found in {found[:5]}")
        return f"{len(processes)} processes, {searched / 1e6:,.1f} MB searched"

    def on_loopback(self) -> str:
        """Looks up every socket that its processes listen on."""
        return _listening([pid for pid, *_ in _processes(self.folder)], self.up.port)


@contextmanager
def _looked_at(folder: Path) -> Iterator[_LookedAt]:
    """The real `tally up`, with token and key in the `.env` beside it. Linux alone tells of processes as needed."""
    folder.mkdir()
    with Sandbox() as sandbox:
        told = {**SECRETS, "TMDB_BASE_URL": sandbox.base_url}
        (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in told.items()))
        with running(folder, "--no-sync", settings={"TALLY_DOTENV": str(folder / ".env")}) as up:
            up.until("Up: ")
            demand(sandbox.base_url in up.words, "it did not read .env")
            yield _LookedAt(folder, up)


def _processes(home: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Of every process that was started for this home: its id, environment and command line."""
    mark = f"TALLY_HOME={home}".encode()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                environ, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
            except OSError:  # it ended meanwhile
                continue
            if mark in environ.split(b"\0"):
                yield int(process.name), environ, command


def _listening(processes: list[int], port: int) -> str:
    """The addresses that these processes listen on; raises `BrokenError` if one is not loopback's."""
    ours = set()
    for pid in processes:
        for handle in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                ours.add(str(handle.readlink()))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == LISTEN and f"socket:[{rest[5]}]" in ours:
                address, at = local.split(":")
                found.add((address, int(at, 16)))
    loopback = {"0100007F", "00000000000000000000000001000000"}
    demand((("0100007F", port)) in found, f"the UI is not among {found}")
    demand({address for address, _ in found} <= loopback, f"listens on {found}")
    return f"{len(found)} TCP sockets, all on 127.0.0.1"


def _sandbox_elsewhere() -> str:
    with pytest.raises(SandboxError, match="serves this machine only") as refused:
        Sandbox(host="0.0.0.0")
    return glimpse(str(refused.value))
