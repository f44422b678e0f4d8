# Every value that cannot work is refused before anything is made, by the name of its variable.

mock_provider "aws" {}

run "values_that_cannot_work_are_refused" {
  command = plan

  variables {
    project              = "Tally_1"
    environment          = "Prod"
    region               = "Frankfurt"
    first_ingest_date    = "2025-02-30"
    retention_days       = 5
    bronze_recovery_days = 0
    replaced_days        = 0
    results_days         = 0
    object_lock          = { mode = "SOFT", days = 1 }
    query_scan_limit_mb  = 1
    alert_email          = "nobody"
    min_pass_rate        = 101
    monthly_budget_usd   = -1
    pipeline_principals  = ["*"]
    tmdb_token           = "short"
    tmdb_token_version   = 0
  }

  expect_failures = [
    var.project, var.environment, var.region, var.first_ingest_date, var.retention_days, var.bronze_recovery_days,
    var.replaced_days, var.results_days, var.object_lock, var.query_scan_limit_mb, var.alert_email, var.min_pass_rate,
    var.monthly_budget_usd, var.pipeline_principals, var.tmdb_token, var.tmdb_token_version,
  ]
}

run "names_that_s3_refuses_are_refused" {
  command = plan

  variables {
    project           = "tally-"
    environment       = "dev--eu"
    first_ingest_date = "01.02.2025"
    object_lock       = { mode = "COMPLIANCE", days = 0.5 }
    bucket_suffix     = "-Ours"
  }

  expect_failures = [var.project, var.environment, var.first_ingest_date, var.object_lock, var.bucket_suffix]
}

run "a_retention_that_leaves_no_time_is_refused" {
  command = plan

  variables {
    retention_days = 30
    replaced_days  = 20
  }

  expect_failures = [aws_s3_bucket_lifecycle_configuration.lake]
}

run "a_lock_beyond_the_retention_is_refused" {
  command = plan

  variables {
    object_lock = { mode = "COMPLIANCE", days = 365 }
  }

  expect_failures = [aws_s3_bucket_object_lock_configuration.lake]
}

run "results_that_stay_beyond_the_retention_are_refused" {
  command = plan

  variables {
    results_days = 12
  }

  expect_failures = [aws_s3_bucket_lifecycle_configuration.results]
}

run "more_rules_than_s3_takes_are_refused" {
  command = plan

  variables {
    retention_days = 991
  }

  expect_failures = [var.retention_days]
}

run "a_name_that_s3_keeps_for_itself_is_refused" {
  command = plan

  variables {
    bucket_suffix = "s3alias"
  }

  expect_failures = [aws_s3_bucket.results]
}

run "names_that_are_too_long_for_s3_are_refused" {
  command = plan

  variables {
    project       = "a-project-of-20-char"
    environment   = "an-environment16"
    bucket_suffix = "and-a-suffix-1"
  }

  expect_failures = [aws_s3_bucket.results]
}
