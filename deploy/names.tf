# Every name and ARN that a policy speaks of, known before anything is made: a plan then shows whole policies.
locals {
  name      = "${var.project}-${var.environment}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  here      = "${var.region}:${local.account}"

  # S3's names are the whole world's; an account's id is nobody else's.
  suffix         = var.bucket_suffix == null ? local.account : var.bucket_suffix
  lake_bucket    = join("-", compact([var.project, "datalake", var.environment, local.suffix]))
  results_bucket = join("-", compact([var.project, "athena-results", var.environment, local.suffix]))
  database       = replace("${var.project}_${var.environment}", "-", "_")
  token_name     = "/${var.project}/${var.environment}/tmdb-token"

  lake_arn         = "arn:${local.partition}:s3:::${local.lake_bucket}"
  results_arn      = "arn:${local.partition}:s3:::${local.results_bucket}"
  events_arn       = "arn:${local.partition}:sqs:${local.here}:${local.name}-events"
  dead_letters_arn = "arn:${local.partition}:sqs:${local.here}:${local.name}-dead-letters"
  alerts_arn       = "arn:${local.partition}:sns:${local.here}:${local.name}-alerts"
  workgroup_arn    = "arn:${local.partition}:athena:${local.here}:workgroup/${local.name}"
  token_arn        = "arn:${local.partition}:ssm:${local.here}:parameter${local.token_name}"

  # The same contract that the pipeline holds its rows to; `make docs` writes it.
  contract = jsondecode(file("${path.module}/contract.json"))

  bronze     = "bronze"
  rebuilt    = ["silver", "quarantine", "gold", "reports"] # all of it can be made again from bronze
  lake_owner = "lake.json"                                 # says whose data the lake holds
  inputs     = "inputs"                                    # what people put in: watchlists, prices

  # Below these lie the results bucket's three kinds of objects.
  results_prefix      = "athena"
  unload_prefix       = "unload"
  compute_logs_prefix = "compute-logs"
}
