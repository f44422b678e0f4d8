# A new bronze object, whoever put it there, is told to the queue that the sensor reads.

resource "aws_sqs_queue" "events" {
  name = "${local.name}-events"

  # The sensor deletes what it read at its next tick. A tick that died gives its messages back after this.
  visibility_timeout_seconds = 300
  receive_wait_time_seconds  = 20
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 5
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheLakeTells"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.events_arn
      # A bucket's name can be another account's tomorrow, so the account is named as well.
      Condition = {
        ArnEquals    = { "aws:SourceArn" = local.lake_arn }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })
}

# What nobody could make sense of five times: kept for people to look at, with an alarm.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${local.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.events_arn]
  })
}

resource "aws_s3_bucket_notification" "bronze" {
  bucket = aws_s3_bucket.lake.id

  queue {
    id            = "bronze"
    queue_arn     = aws_sqs_queue.events.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "${local.bronze}/"
  }
}
