# Five alarms to one topic, and a dashboard. AWS gives ten alarms, ten metrics and three dashboards away.

resource "aws_sns_topic" "alerts" {
  #checkov:skip=CKV_AWS_26:With the key that AWS manages for SNS, CloudWatch can't publish; one of one's own costs $1 a month, and alarms hold no data
  name         = "${local.name}-alerts"
  display_name = "Tally ${var.environment}"
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOurAlarmsPublish"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = local.alerts_arn
      Condition = {
        # By their names, one by one: those of an environment whose name begins like this one's are not ours.
        ArnEquals = {
          "aws:SourceArn" = [
            for alarm in concat(keys(local.alarms), ["machine-down"]) : # compute/ has the last
            "arn:${local.partition}:cloudwatch:${local.here}:alarm:${local.name}-${alarm}"
          ]
        }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })
}

resource "aws_sns_topic_subscription" "mail" {
  count = var.alert_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

locals {
  alarms = {
    run-failed = {
      description = "A run of the pipeline failed. See why with `tally logs`; mend it and run it again. Nothing is lost: bronze and the last good files stay."
      namespace   = "Tally/DataPipeline"
      metric      = "PipelineRunFailures"
      dimensions  = { Environment = local.name }
      statistic   = "Sum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      period      = 300
    }
    no-shows = {
      description = "No shows were published for 26 hours. Is the pipeline up, and did today's capture fail? See `tally status`, then run `tally sync`: TMDB serves lists only of today. A new lake rings until its first sync."
      namespace   = "Tally/DataPipeline"
      metric      = "TotalShowsIngested"
      dimensions  = { Environment = local.name }
      statistic   = "Sum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      period      = 3600
      periods     = 26
      missing     = "breaching"
    }
    pass-rate = {
      description = "Of a list, less than ${var.min_pass_rate} % of the rows held the contract. See which and why: SELECT dt, data_type, rules, reasons FROM quarantine_shows WHERE dt = the day."
      namespace   = "Tally/DataQuality"
      metric      = "DataQualityPassRate"
      dimensions  = { Environment = local.name }
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = var.min_pass_rate
      period      = 3600
    }
    dead-letters = {
      description = "Events of S3 could not be understood five times and lie in the queue ${local.name}-dead-letters. Look at them there; the daily sweep refines what they told of. When the reason is mended, redrive them: aws sqs start-message-move-task --source-arn ${local.dead_letters_arn}."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = "${local.name}-dead-letters" }
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      period      = 300
    }
    sensor-lag = {
      description = "An event of S3 has waited for more than an hour. Is the sensor new_bronze_objects running? See Dagster's Automation page; start it, or run `tally sync`."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = "${local.name}-events" }
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 3600
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "alarms" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = try(each.value.periods, 1)
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = [aws_sns_topic.alerts.arn]

  lifecycle {
    precondition {
      condition = (
        each.value.namespace == "AWS/SQS"
        || contains(try(local.contract.metrics[each.value.namespace], []), each.value.metric)
      )
      error_message = "The pipeline sends no metric ${each.value.metric} in ${each.value.namespace}: this alarm would never ring."
    }
  }
}

# --- the same, to look at

locals {
  panels = [
    { title = "Shows published", stat = "Sum", metrics = [["Tally/DataPipeline", "TotalShowsIngested", "Environment", local.name]] },
    { title = "Worst pass rate (%)", stat = "Minimum", metrics = [["Tally/DataQuality", "DataQualityPassRate", "Environment", local.name]] },
    { title = "Rows in quarantine", stat = "Sum", metrics = [["Tally/DataQuality", "QuarantinedRows", "Environment", local.name]] },
    { title = "Failed runs", stat = "Sum", metrics = [["Tally/DataPipeline", "PipelineRunFailures", "Environment", local.name]] },
    { title = "Longest run (s)", stat = "Maximum", metrics = [["Tally/DataPipeline", "PipelineRunDuration", "Environment", local.name]] },
    {
      title = "Events: oldest (s), dead letters"
      stat  = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${local.name}-events"],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${local.name}-dead-letters"],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "tally" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = 2
        properties = {
          title  = "Alarms"
          alarms = [for alarm in keys(local.alarms) : "arn:${local.partition}:cloudwatch:${local.here}:alarm:${local.name}-${alarm}"]
        }
      }],
      [for place, panel in local.panels : {
        type   = "metric"
        x      = place % 3 * 8
        y      = 2 + floor(place / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = panel.title
          region  = var.region
          view    = "timeSeries"
          period  = 3600
          stat    = panel.stat
          metrics = panel.metrics
        }
      }]
    )
  })
}
