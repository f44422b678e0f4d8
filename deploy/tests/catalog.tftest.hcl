# The tables are the contract's, and what watches them speaks of metrics that the pipeline sends.

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
}

run "every_table_of_the_contract_is_there_with_its_columns" {
  command = plan

  assert {
    condition     = keys(aws_glue_catalog_table.tables) == keys(local.contract.tables)
    error_message = "Tables and contract differ."
  }

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.tables :
      table.storage_descriptor[0].columns[*].name == tolist([for column in local.contract.tables[name].columns : column.name])
      && table.storage_descriptor[0].columns[*].type == tolist([for column in local.contract.tables[name].columns : column.type])
      && table.partition_keys[*].name == tolist([for key in local.contract.tables[name].partition_keys : key.name])
    ])
    error_message = "A table's columns are not the contract's."
  }

  assert {
    condition = alltrue([
      for table in aws_glue_catalog_table.tables :
      length(setintersection(table.storage_descriptor[0].columns[*].name, table.partition_keys[*].name)) == 0
    ])
    error_message = "A column that is a partition key too fails every query with HIVE_INVALID_METADATA."
  }
}

run "partitions_are_projected_over_the_retention" {
  command = plan

  assert {
    condition = alltrue([
      for name, table in aws_glue_catalog_table.tables :
      table.parameters["projection.enabled"] == "true"
      && table.parameters["projection.dt.type"] == "date"
      && table.parameters["projection.dt.format"] == "yyyy-MM-dd"
      && table.parameters["projection.dt.range"] == "NOW-180DAYS,NOW"
      && alltrue([for key in table.partition_keys[*].name : strcontains(table.parameters["storage.location.template"], "$${${key}}")])
      && startswith(table.parameters["storage.location.template"], table.storage_descriptor[0].location)
    ])
    error_message = "A day would have to be added by hand."
  }

  assert {
    condition     = aws_glue_catalog_table.tables["silver_shows"].parameters["storage.location.template"] == "s3://tally-datalake-dev/silver/shows/$${data_type}/dt=$${dt}/"
    error_message = "The template is not the seed's layout."
  }

  assert {
    condition     = aws_glue_catalog_table.tables["silver_shows"].parameters["projection.data_type.values"] == join(",", local.contract.lists)
    error_message = "A list that is not in the enum has no rows, and nothing says so."
  }
}

run "a_lake_that_keeps_everything_is_projected_from_a_day_that_is_named" {
  command = plan

  variables {
    retention_days    = 0
    first_ingest_date = "2026-03-01"
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.tables : table.parameters["projection.dt.range"] == "2026-03-01,NOW"])
    error_message = "Days that were captured are not seen."
  }
}

run "and_without_one_from_the_first_apply" {
  command = plan

  variables {
    retention_days = 0
  }

  assert {
    condition = alltrue([
      for table in aws_glue_catalog_table.tables :
      table.parameters["projection.dt.range"] == "${formatdate("YYYY-MM-DD", plantimestamp())},NOW"
    ])
    error_message = "A new lake lists days from before it was there."
  }
}

run "the_workgroup_limits_everybody_and_holds_the_sample_queries" {
  command = plan

  variables {
    query_scan_limit_mb = 50
  }

  assert {
    condition = (
      aws_athena_workgroup.tally.configuration[0].enforce_workgroup_configuration
      && aws_athena_workgroup.tally.configuration[0].bytes_scanned_cutoff_per_query == 52428800
      && aws_athena_workgroup.tally.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    )
    error_message = "A query may scan what it likes, or leave its results unencrypted."
  }

  assert {
    condition     = { for name, query in aws_athena_named_query.samples : name => query.query } == { for name, query in local.contract.sample_queries : name => query.sql }
    error_message = "The named queries are not the project's own."
  }
}

run "five_alarms_tell_the_topic_what_to_do" {
  command = plan

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.alarms)) == toset(["run-failed", "no-shows", "pass-rate", "dead-letters", "sensor-lag"])
    error_message = "An alarm is missing."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.alarms :
      alarm.namespace == "AWS/SQS" || contains(try(local.contract.metrics[alarm.namespace], []), alarm.metric_name)
    ])
    error_message = "An alarm waits for a metric that nobody sends."
  }

  # CloudWatch finds a series by exactly its dimensions; another environment's series must not quiet this one's alarm.
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.alarms :
      alarm.namespace == "AWS/SQS" || alarm.dimensions == tomap({ Environment = output.tally_environment })
    ])
    error_message = "An alarm looks at another series than the pipeline's."
  }

  assert {
    condition = alltrue([
      for panel in jsondecode(aws_cloudwatch_dashboard.tally.dashboard_body).widgets : alltrue([
        for metric in try(panel.properties.metrics, []) :
        startswith(metric[0], "AWS/") || try(slice(metric, 2, 4) == ["Environment", output.tally_environment], false)
      ])
    ])
    error_message = "The dashboard shows all environments as one."
  }

  assert {
    condition     = 2 * length(aws_cloudwatch_metric_alarm.alarms) <= 10 && 2 * length(flatten(values(local.contract.metrics))) <= 10
    error_message = "Two environments do not fit into what CloudWatch gives away."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarms : length(alarm.alarm_description) > 60 && length(alarm.alarm_description) <= 1024])
    error_message = "An alarm does not say what to do."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.alarms["no-shows"].period * aws_cloudwatch_metric_alarm.alarms["no-shows"].evaluation_periods == 26 * 3600
      && aws_cloudwatch_metric_alarm.alarms["no-shows"].treat_missing_data == "breaching"
    )
    error_message = "No data for 26 hours is no alarm."
  }

  assert {
    condition     = length(flatten(values(local.contract.metrics))) <= 10 && length(aws_cloudwatch_metric_alarm.alarms) <= 10
    error_message = "AWS gives ten metrics and ten alarms away; each more costs every month."
  }

  assert {
    condition = alltrue(flatten([
      for panel in local.panels : [
        for metric in panel.metrics : metric[0] == "AWS/SQS" || contains(try(local.contract.metrics[metric[0]], []), metric[1])
      ]
    ]))
    error_message = "The dashboard shows a metric that nobody sends."
  }
}

run "every_alarm_acts_on_the_topic" {
  # Applied to the made-up provider: the topic's ARN is known only then.
  command = apply

  variables {
    tmdb_token  = "a-token-that-is-long-enough"
    alert_email = "data@example.org"
  }

  override_resource {
    target = aws_sns_topic.alerts
    values = {
      arn = "arn:aws:sns:us-east-1:123456789012:tally-dev-alerts"
    }
  }

  override_resource {
    target = aws_sqs_queue.dead_letters
    values = {
      arn = "arn:aws:sqs:us-east-1:123456789012:tally-dev-dead-letters"
    }
  }

  override_resource {
    target = aws_sqs_queue.events
    values = {
      arn = "arn:aws:sqs:us-east-1:123456789012:tally-dev-events"
      url = "https://sqs.us-east-1.amazonaws.com/123456789012/tally-dev-events"
    }
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.alarms : alarm.alarm_actions == toset([aws_sns_topic.alerts.arn])])
    error_message = "An alarm tells nobody."
  }

  assert {
    condition     = jsondecode(aws_sns_topic_policy.alerts.policy).Statement[0].Resource == aws_sns_topic.alerts.arn
    error_message = "The topic's policy is another topic's."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.events.redrive_policy).deadLetterTargetArn == local.dead_letters_arn && jsondecode(aws_sqs_queue.events.policy).Statement[0].Resource == aws_sqs_queue.events.arn
    error_message = "The names known beforehand are not those that were made."
  }

  assert {
    condition     = aws_sns_topic_subscription.mail[0].endpoint == "data@example.org"
    error_message = "The alarms reach nobody."
  }

  # An ephemeral value can't be compared; what the state holds of a write-only one is nothing.
  assert {
    condition     = aws_ssm_parameter.tmdb_token.value_wo == null && aws_ssm_parameter.tmdb_token.type == "SecureString"
    error_message = "The token is in the state."
  }
}
