"""What `tally import` wrote is known to Dagster after one look of the sensor, and is refined once."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from tally_pipeline import clock
from tally_pipeline.orchestration.assets import common
from tally_pipeline_tests.orchestration.automation.folder_pipeline import Pipeline, names, span
from testkit import tally
from testkit.pipeline import environment


def test_imported_days_become_known_once_and_are_refined_once(pipeline: Pipeline, tmp_path: Path) -> None:
    days = [clock.today() - timedelta(days=ago) for ago in (3, 2)]
    for day in days:
        pipeline.arrive(day, "popular_shows")
    home, lake = pipeline.deployment.settings.home, pipeline.deployment.settings.lake_folder
    out = tmp_path / "out"
    assert tally.run(home, environment(home), "export", str(out)).code == 0
    shutil.rmtree(lake)
    assert pipeline.tick() == []  # an empty lake, which Dagster knows

    ran = tally.run(home, environment(home), "import", str(out))
    assert "2 written" in ran.out, ran.err
    (request,) = [request for _ in range(3) for request in pipeline.tick()]
    assert span(request) == (days[0], days[1])
    assert "silver_shows/popular_shows" in names(request)
    assert pipeline.carry_out(request).success
    again = tally.run(home, environment(home), "import", str(out))
    assert "0 written" in again.out, again.err
    assert [request for _ in range(3) for request in pipeline.tick()] == []
    bronze = common.bronze_of("popular_shows")
    assert pipeline.instance.get_materialized_partitions(bronze) == {day.isoformat() for day in days}
