"""The same source under Dagster, as `dagster-dlt` has it: one multi-asset of four lists, Dagster's default executor.

https://docs.dagster.io/integrations/libraries/dlt/dlt-pythonic
"""

# No `annotations` from the future: Dagster looks at those of an asset's parameters.
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import dlt
from dagster_dlt import DagsterDltResource, dlt_assets
from dlt.extract.source import DltSource

from benchmarks.dlt_pipeline import pipeline, shows

FOLDER, URL, DAY = "BENCH_FOLDER", "BENCH_URL", "BENCH_DAY"
"""The settings, in the environment: where the lake lies, where TMDB is, and which day it is."""


def as_assets(source: DltSource, target: dlt.Pipeline) -> dg.AssetsDefinition:
    """One asset a list, loaded together."""

    def tmdb(context: dg.AssetExecutionContext, dlt: DagsterDltResource) -> Iterator[Any]:
        yield from dlt.run(context=context, loader_file_format="parquet")

    made: dg.AssetsDefinition = dlt_assets(dlt_source=source, dlt_pipeline=target, name="tmdb")(tmdb)
    return made


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions that Dagster loads, by the environment."""
    day = os.environ[DAY]
    assets = as_assets(shows(os.environ[URL], day), pipeline(Path(os.environ[FOLDER]), day))
    return dg.Definitions(assets=[assets], resources={"dlt": DagsterDltResource()})
