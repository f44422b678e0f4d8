# What the lake is, planned against a provider that is made up: no account, no network, no credentials.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "123456789012"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }
}

variables {
  bucket_suffix = ""
  project       = "tally"
  environment   = "blue-green"
  region        = "eu-central-1"
}

run "everything_is_named_after_project_and_environment" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket.lake.bucket == "tally-datalake-blue-green"
      && aws_s3_bucket.results.bucket == "tally-athena-results-blue-green"
    )
    error_message = "The buckets are not named as the seed names them."
  }

  assert {
    condition     = aws_glue_catalog_database.tally.name == "tally_blue_green"
    error_message = "A hyphen in a database's name needs quoting in every query."
  }

  assert {
    condition     = aws_athena_workgroup.tally.name == "tally-blue-green"
    error_message = "The workgroup is not named as the settings expect."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarms : startswith(alarm.alarm_name, "tally-blue-green-")])
    error_message = "The topic lets only alarms of this name publish."
  }
}

run "bronze_is_only_created_and_not_deleted" {
  command = plan

  variables {
    force_destroy = true
  }

  assert {
    condition = contains(jsondecode(aws_s3_bucket_policy.rules["lake"].policy).Statement, {
      Sid       = "BronzeIsOnlyCreated"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "arn:aws:s3:::tally-datalake-blue-green/bronze/*"
      Condition = {
        Null = { "s3:if-none-match" = "true" }
        Bool = { "s3:ObjectCreationOperation" = "true" }
      }
    })
    error_message = "A put into bronze without If-None-Match is not refused."
  }

  assert {
    condition = contains(jsondecode(aws_s3_bucket_policy.rules["lake"].policy).Statement, {
      Sid       = "BronzeIsNotDeleted"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
      Resource  = "arn:aws:s3:::tally-datalake-blue-green/bronze/*"
    })
    error_message = "Somebody may delete from bronze."
  }

  assert {
    condition = contains(jsondecode(aws_s3_bucket_policy.rules["lake"].policy).Statement, {
      Sid       = "BronzeKeepsItsTag"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"]
      Resource  = "arn:aws:s3:::tally-datalake-blue-green/bronze/*"
      Condition = { Null = { "s3:ExistingObjectTag/tally-days-left" = "false" } }
    })
    error_message = "Somebody may let a bronze object expire by a tag."
  }

  assert {
    condition     = aws_s3_bucket_versioning.kept["lake"].versioning_configuration[0].status == "Enabled"
    error_message = "Without versions an overwritten object is gone."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.id => length(rule.noncurrent_version_expiration)
      if !startswith(rule.id, "late-") && !startswith(rule.id, "cold-")
    } == { litter = 0, events = 1, bronze = 1, silver = 1, quarantine = 1, gold = 1, reports = 1 }
    error_message = "Old versions stay beyond six months."
  }
}

run "both_buckets_are_closed_and_encrypted_and_speak_tls_only" {
  command = plan

  assert {
    condition = alltrue([
      for closed in aws_s3_bucket_public_access_block.closed :
      closed.block_public_acls && closed.block_public_policy && closed.ignore_public_acls && closed.restrict_public_buckets
    ]) && length(aws_s3_bucket_public_access_block.closed) == 2
    error_message = "A bucket could be made public."
  }

  assert {
    condition = alltrue([
      for name, policy in aws_s3_bucket_policy.rules : contains(jsondecode(policy.policy).Statement, {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arns[name], "${local.bucket_arns[name]}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      })
    ]) && length(aws_s3_bucket_policy.rules) == 2
    error_message = "A bucket answers without TLS."
  }

  assert {
    condition = alltrue(flatten([
      for bucket in aws_s3_bucket_server_side_encryption_configuration.at_rest : [
        for rule in bucket.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
      ]
    ])) && length(aws_s3_bucket_server_side_encryption_configuration.at_rest) == 2
    error_message = "A bucket is not encrypted at rest."
  }
}

run "a_day_is_gone_after_180_days_and_results_after_7" {
  command = plan

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.id => rule.expiration[0].days
      if rule.id != "litter" && !startswith(rule.id, "late-") && !startswith(rule.id, "cold-")
    } == { events = 26, bronze = 163, silver = 163, quarantine = 163, gold = 163, reports = 163 } # 180 - 14 to recover - 3
    error_message = "TMDB's terms allow six months, the old versions included."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.filter[0].tag[0].value => rule.expiration[0].days
      if startswith(rule.id, "late-")
    } == { for days in range(1, 163) : tostring(days) => days }
    error_message = "An object that was written late has no rule for the days that are left to it."
  }

  assert {
    condition     = output.tally_retention_days == "163"
    error_message = "The pipeline counts another life than the bucket."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.results.rule : rule.id => rule.expiration[0].days if rule.id != "litter"
    } == { athena = 7, unload = 1, compute-logs = 30 }
    error_message = "Results do not expire."
  }

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.lake) == 0
    error_message = "Object Lock is on, though nobody asked for it."
  }
}

run "what_is_read_once_and_large_moves_to_where_storing_is_cheap" {
  command = plan

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.filter[0].and[0].prefix => [
        one(rule.transition).days, one(rule.transition).storage_class, rule.filter[0].and[0].object_size_greater_than
      ] if startswith(rule.id, "cold-")
      } == {
      "bronze/tmdb/details/"       = [14, "GLACIER_IR", 131072]
      "bronze/tmdb/series_export/" = [14, "GLACIER_IR", 131072]
    }
    error_message = "Captures of details or exports stay at the full price."
  }
}

run "nothing_moves_that_is_gone_within_90_days" {
  command = plan

  variables {
    retention_days = 120
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : length(rule.transition) == 0])
    error_message = "A move costs more than it saves."
  }
}

run "retention_recovery_and_lock_can_be_set" {
  command = plan

  variables {
    retention_days       = 0
    bronze_recovery_days = 30
    object_lock          = { mode = "GOVERNANCE", days = 14 }
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : length(rule.expiration) == 0 if !contains(["litter", "events"], rule.id)])
    error_message = "Objects expire in a lake that keeps everything."
  }

  assert {
    condition     = output.tally_retention_days == "0"
    error_message = "The pipeline tags objects in a lake that keeps everything."
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.noncurrent_version_expiration[0].noncurrent_days if rule.id == "bronze"
    ]) == 30
    error_message = "Expired bronze is not removed."
  }

  assert {
    condition     = aws_s3_bucket_object_lock_configuration.lake[0].rule[0].default_retention[0].days == 14
    error_message = "Object Lock is not on."
  }
}

run "the_crawler_changes_no_table_and_makes_none" {
  command = plan

  variables {
    create_crawler = true
  }

  assert {
    condition = (
      aws_glue_crawler.tables[0].schema_change_policy[0].update_behavior == "LOG"
      && aws_glue_crawler.tables[0].schema_change_policy[0].delete_behavior == "LOG"
      && aws_glue_crawler.tables[0].schedule == null
      && toset(aws_glue_crawler.tables[0].catalog_target[0].tables) == toset(keys(local.contract.tables))
      && length(aws_glue_crawler.tables[0].s3_target) == 0
    )
    error_message = "The crawler could change a table, make one, or start by itself."
  }
}

run "what_costs_money_or_opens_a_door_is_off_by_default" {
  command = plan

  assert {
    condition = (
      length(aws_glue_crawler.tables) == 0 && length(aws_iam_role.pipeline) == 0 && length(aws_sns_topic_subscription.mail) == 0
      && !aws_s3_bucket.lake.force_destroy
    )
    error_message = "Something is made that nobody asked for."
  }
}

run "buckets_have_the_accounts_id_by_default" {
  command = plan

  variables {
    bucket_suffix = null
  }

  assert {
    condition = (
      aws_s3_bucket.lake.bucket == "tally-datalake-blue-green-${data.aws_caller_identity.current.account_id}"
      && aws_s3_bucket.results.bucket == "tally-athena-results-blue-green-${data.aws_caller_identity.current.account_id}"
    )
    error_message = "Somebody else in the world may have the names."
  }
}

run "and_any_suffix_that_is_named" {
  command = plan

  variables {
    bucket_suffix = "of-ours"
  }

  assert {
    condition     = aws_s3_bucket.lake.bucket == "tally-datalake-blue-green-of-ours"
    error_message = "The suffix is not the one that was named."
  }
}

run "there_is_no_budget_that_tells_nobody" {
  command = plan

  assert {
    condition     = length(aws_budgets_budget.month) == 0
    error_message = "A budget is made, though nobody would be told."
  }
}

run "a_budget_tells_the_address_that_alarms_go_to" {
  command = plan

  variables {
    alert_email = "data@example.org"
  }

  assert {
    condition = alltrue([
      for notification in aws_budgets_budget.month[0].notification : notification.subscriber_email_addresses == toset(["data@example.org"])
    ]) && length(aws_budgets_budget.month[0].notification) == 2
    error_message = "The budget tells nobody."
  }
}

run "a_lower_retention" {
  command = plan

  variables {
    retention_days = 90
  }

  assert {
    condition     = output.tally_retention_days == "73"
    error_message = "Tally counts by another number of days than the bucket."
  }
}
