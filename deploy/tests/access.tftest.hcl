# Who may do what. tally_pipeline_tests/deploy/ reads the policies of this plan as well.

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
  tmdb_token    = "a-token-that-is-long-enough"
}

run "the_policies_are_exact" {
  command = plan

  assert {
    condition = alltrue([
      for statement in concat(local.pipeline_statements, local.analyst_statements) :
      !contains(flatten([statement.Resource]), "*") || contains(["SendMetrics", "OpenTheConsole"], statement.Sid)
    ])
    error_message = "A statement speaks of every resource there is."
  }

  assert {
    condition = alltrue([
      for action in flatten([for statement in concat(local.pipeline_statements, local.analyst_statements) : statement.Action]) :
      !strcontains(action, "*") && !strcontains(action, "Delete") || action == "sqs:DeleteMessage"
    ])
    error_message = "An action is a wildcard, or deletes."
  }

  assert {
    condition = [for statement in local.pipeline_statements : statement.Condition.StringEquals["cloudwatch:namespace"] if statement.Sid == "SendMetrics"] == [
      ["Tally/DataPipeline", "Tally/DataQuality"]
    ]
    error_message = "The pipeline may send metrics in others' names."
  }

  assert {
    condition = toset(flatten([for statement in local.pipeline_statements : statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")])) == toset([
      "arn:aws:s3:::tally-datalake-dev/bronze/*",
      "arn:aws:s3:::tally-datalake-dev/silver/*",
      "arn:aws:s3:::tally-datalake-dev/quarantine/*",
      "arn:aws:s3:::tally-datalake-dev/gold/*",
      "arn:aws:s3:::tally-datalake-dev/reports/*",
      "arn:aws:s3:::tally-datalake-dev/lake.json",
      "arn:aws:s3:::tally-athena-results-dev/athena/*",
      "arn:aws:s3:::tally-athena-results-dev/unload/*",
      "arn:aws:s3:::tally-athena-results-dev/compute-logs/*",
    ])
    error_message = "The pipeline writes elsewhere than it should."
  }

  assert {
    condition = alltrue([
      for statement in local.analyst_statements :
      length([for action in flatten([statement.Action]) : action if startswith(action, "ssm:") || startswith(action, "kms:") || startswith(action, "sqs:")]) == 0
      && length([for resource in flatten([statement.Resource]) : resource if strcontains(resource, "/bronze")]) == 0
    ])
    error_message = "An analyst reads the token or bronze."
  }
}

run "a_role_is_made_for_those_who_may_assume_it" {
  command = plan

  variables {
    pipeline_principals = ["arn:aws:iam::123456789012:user/tally"]
  }

  assert {
    condition     = jsondecode(aws_iam_role.pipeline[0].assume_role_policy).Statement[0].Principal.AWS == ["arn:aws:iam::123456789012:user/tally"]
    error_message = "The wrong people may assume the pipeline's role."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.pipeline[0].role == "tally-dev-pipeline"
    error_message = "The role has no permissions."
  }
}

run "only_the_lakes_bucket_in_this_account_writes_to_the_queue" {
  command = plan

  assert {
    condition = jsondecode(aws_sqs_queue.events.policy).Statement == [{
      Sid       = "OnlyTheLakeTells"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:us-east-1:123456789012:tally-dev-events"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::tally-datalake-dev" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }]
    error_message = "Others may write to the queue."
  }

  assert {
    condition     = aws_sqs_queue.events.receive_wait_time_seconds == 20 && aws_sqs_queue.events.sqs_managed_sse_enabled
    error_message = "The queue is polled at every turn, or not encrypted."
  }

  assert {
    condition     = aws_s3_bucket_notification.bronze.queue[0].filter_prefix == "bronze/" && toset(aws_s3_bucket_notification.bronze.queue[0].events) == toset(["s3:ObjectCreated:*"])
    error_message = "Not every new bronze object is told."
  }
}

run "only_our_alarms_publish_to_the_topic" {
  command = plan

  assert {
    condition = jsondecode(aws_sns_topic_policy.alerts.policy).Statement == [{
      Sid       = "OnlyOurAlarmsPublish"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = "arn:aws:sns:us-east-1:123456789012:tally-dev-alerts"
      Condition = {
        ArnEquals = {
          "aws:SourceArn" = [
            for alarm in ["dead-letters", "no-shows", "pass-rate", "run-failed", "sensor-lag", "machine-down"] :
            "arn:aws:cloudwatch:us-east-1:123456789012:alarm:tally-dev-${alarm}"
          ]
        }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }]
    error_message = "Others may publish to the topic, or our alarms may not."
  }
}
