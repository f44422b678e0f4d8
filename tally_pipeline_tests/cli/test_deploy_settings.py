"""`tally deploy settings`: Terraform's outputs in, the lines of a .env file out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from tally_pipeline.deployment import load_settings
from testkit import tally

OUTPUTS: dict[str, Any] = {
    "tally_deployment": "aws",
    "aws_region": "eu-central-1",
    "tally_environment": "tally-dev",
    "tally_lake_bucket": "tally-datalake-dev",
    "tally_results_bucket": "tally-athena-results-dev",
    "tally_glue_database": "tally_dev",
    "tally_athena_workgroup": "tally-dev",
    "tally_events_queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/tally-dev-events",
    "tally_dead_letters_queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/tally-dev-dead-letters",
    "tally_alerts_topic_arn": "arn:aws:sns:eu-central-1:123456789012:tally-dev-alerts",
    "tally_token_parameter": "/tally/dev/tmdb-token",
    "tally_retention_days": "163",
}

Ask = Callable[..., tally.Ran]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the command on these outputs (Terraform's own JSON of them), or on this text."""

    def run(outputs: dict[str, Any] | str, environ: dict[str, str] | None = None) -> tally.Ran:
        text = outputs if isinstance(outputs, str) else json.dumps(outputs)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return tally.run(tmp_path, environ or {}, "deploy", "settings")

    return run


def told(**changes: Any) -> dict[str, Any]:
    """Terraform's outputs with changes; a change to `...` takes one away."""
    values = {name: value for name, value in {**OUTPUTS, **changes}.items() if value is not ...}
    return {
        name: value if isinstance(value, dict) else {"sensitive": False, "type": "string", "value": value}
        for name, value in values.items()
    }


def test_what_terraform_says_is_what_the_pipeline_reads(ask: Ask, tmp_path: Path) -> None:
    ran = ask(told())
    assert ran.code == 0
    (tmp_path / ".env").write_text(ran.out)
    aws = load_settings({}, dotenv=tmp_path / ".env").aws
    assert aws is not None
    assert aws.region == "eu-central-1"
    assert aws.lake_bucket == "tally-datalake-dev"
    assert aws.events_queue_url == OUTPUTS["tally_events_queue_url"]
    assert aws.dead_letters_queue_url == OUTPUTS["tally_dead_letters_queue_url"]
    assert aws.alerts_topic_arn == OUTPUTS["tally_alerts_topic_arn"]
    assert aws.token_parameter == "/tally/dev/tmdb-token"


def test_a_secret_is_never_printed(ask: Ask) -> None:
    secret = {"sensitive": True, "type": "string", "value": "eyJhbGciOi"}
    ran = ask(told(tmdb_api_token=secret, tally_token_parameter=secret))
    assert ran.code == 0
    assert "eyJhbGciOi" not in ran.out + ran.err
    assert "TALLY_TOKEN_PARAMETER" not in ran.out
    assert "tmdb_api_token (sensitive" in ran.err


def test_what_is_no_setting_is_left_out_and_said(ask: Ask) -> None:
    ran = ask(told(lake_arn="arn:aws:s3:::x", tally_alerts_topic_arn=None, tally_token_parameter=["a"]))
    assert ran.code == 0
    assert "arn:aws:s3" not in ran.out
    assert "lake_arn (not a setting" in ran.err
    assert "tally_alerts_topic_arn (it has no value" in ran.err
    assert "tally_token_parameter (it has no value" in ran.err


@pytest.mark.parametrize("odd", ["a b", "it's", "a\\b", "$HOME ${X} #no"])
def test_an_odd_value_is_read_back_as_it_was(ask: Ask, tmp_path: Path, odd: str) -> None:
    (tmp_path / "made").write_text(ask(told(tally_glue_database=odd)).out)
    assert dotenv_values(tmp_path / "made", interpolate=False)["TALLY_GLUE_DATABASE"] == odd


def test_a_line_break_cannot_add_a_setting(ask: Ask) -> None:
    ran = ask(told(tally_token_parameter="x\nTMDB_BASE_URL=https://example.org"))
    assert "TMDB_BASE_URL" not in ran.out


@pytest.mark.parametrize("outputs", [{}, told(tally_lake_bucket=...), told(tally_lake_bucket=None)])
def test_without_what_the_pipeline_needs_nothing_is_printed(ask: Ask, outputs: dict[str, Any]) -> None:
    ran = ask(outputs)
    assert (ran.code, ran.out) == (2, "")
    assert "tally_lake_bucket" in ran.err
    assert "terraform apply" in ran.err


def test_a_deployment_from_before_environments_is_told_to_keep_its_buckets(ask: Ask) -> None:
    ran = ask(told(tally_environment=...))
    assert (ran.code, ran.out) == (2, "")
    assert "lack tally_environment" in ran.err
    assert 'set bucket_suffix = "" in terraform.tfvars first' in ran.err


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"a": 1}', "null"])
def test_what_terraform_did_not_write_is_refused(ask: Ask, text: str) -> None:
    ran = ask(text)
    assert (ran.code, ran.out) == (2, "")
    assert "terraform -chdir=deploy output -json | tally deploy settings" in ran.err


def test_settings_that_are_wrong_so_far_do_not_matter(ask: Ask) -> None:
    assert ask(told(), {"TALLY_DEPLOYMENT": "aws", "TALLY_PORT": "none"}).code == 0
