# The pipeline's settings, each by its name in lower case:
#   terraform output -json | tally deploy settings > .env

output "tally_deployment" {
  description = "Makes the pipeline run on AWS."
  value       = "aws"
}

output "aws_region" {
  description = "Where everything is."
  value       = var.region
}

output "tally_environment" {
  description = "The name of this environment: the dimension of its metrics, on which the alarms look."
  value       = local.name
}

output "tally_lake_bucket" {
  description = "The bucket of bronze, silver, quarantine, gold and the reports."
  value       = aws_s3_bucket.lake.id
}

output "tally_results_bucket" {
  description = "The bucket of query results and compute logs."
  value       = aws_s3_bucket.results.id
}

output "tally_glue_database" {
  description = "The database of the lake's tables."
  value       = aws_glue_catalog_database.tally.name
}

output "tally_athena_workgroup" {
  description = "The workgroup that queries run in, with its limit and its result location."
  value       = aws_athena_workgroup.tally.name
}

output "tally_retention_days" {
  description = "Days from a partition's day until its objects expire and are old versions; 0: never."
  value       = tostring(local.life_days == null ? 0 : local.life_days)
}

output "tally_events_queue_url" {
  description = "The queue that tells of new bronze objects."
  value       = aws_sqs_queue.events.url
}

output "tally_dead_letters_queue_url" {
  description = "The queue of the messages that nobody could make sense of."
  value       = aws_sqs_queue.dead_letters.url
}

output "tally_alerts_topic_arn" {
  description = "The topic that every alarm publishes to."
  value       = aws_sns_topic.alerts.arn
}

output "tally_token_parameter" {
  description = "The name of the parameter that holds TMDB's token."
  value       = aws_ssm_parameter.tmdb_token.name
}
