"""Faults of TMDB, the store and the catalog: for each, the expected and the real outcome."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import dagster as dg

from proof.cases import COLUMNS, Home, tried
from proof.faulty import catalog as faults_of_catalog
from proof.faulty import folder as faults_of_folder
from proof.faulty import s3 as faults_of_s3
from proof.faulty import tmdb as faults_of_tmdb
from proof.report import Proof


def prove(long: bool, seed: int) -> Proof:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    rows, holds = [], True
    with (
        tempfile.TemporaryDirectory(prefix="tally-faults-") as folder,
        dg.DagsterInstance.ephemeral() as history,
    ):
        home = Home(Path(folder) / "home", history)
        cases = [
            *faults_of_tmdb.alone(home, long=long),
            *([faults_of_tmdb.pairs(home, seed)] if long else []),
            *faults_of_folder.cases(home),
            *faults_of_catalog.in_a_folder(home),
        ]
        with faults_of_s3.world(Path(folder) / "aws", history) as bucket:
            cases += [*faults_of_s3.cases(bucket, long=long), *faults_of_catalog.on_aws(bucket)]
            for row, held in tried(cases):
                rows.append(row)
                holds &= held
    return Proof(
        name="faults",
        title=f"{len(rows)} faults of the other side",
        columns=COLUMNS,
        rows=rows,
        holds=holds,
        seed=seed,
        notes=[
            "Each begins with a day that is published, and is tried on the real pipeline: the sandbox's server, a"
            " real folder (a full and a read-only file system are mounted where that is allowed), S3, SQS, Glue and"
            " Athena by moto's server behind one that fails as AWS does.",
            "After each: every file reads and balances, bronze is as it was, silver is the last good file or TMDB's"
            " own rows; and the next sync, without the fault, ends as if there had never been one.",
            *(
                []
                if long
                else ["Each fault of TMDB at its worst; --long also tries the others, and all pairs."]
            ),
        ],
    )
