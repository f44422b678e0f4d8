# What the pipeline may do, and what people who only ask may do. Neither may delete an object; that the pipeline's tags
# let no bronze expire early is the bucket policy's doing (storage.tf).

locals {
  written = [for prefix in concat([local.bronze], local.rebuilt) : "${local.lake_arn}/${prefix}/*"]
  tables  = [for prefix in local.rebuilt : "${local.lake_arn}/${prefix}/*"]

  catalog_arns = [
    "arn:${local.partition}:glue:${local.here}:catalog",
    "arn:${local.partition}:glue:${local.here}:database/${local.database}",
    "arn:${local.partition}:glue:${local.here}:table/${local.database}/*",
  ]

  # What Athena does in the name of whoever asks.
  query_statements = [
    {
      Sid    = "Ask"
      Effect = "Allow"
      Action = [
        "athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution",
        "athena:GetQueryResults", "athena:GetWorkGroup",
      ]
      Resource = local.workgroup_arn
    },
    {
      Sid    = "ReadTheCatalog"
      Effect = "Allow"
      Action = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition"]
      # Athena looks whether the database "default" is there, whichever one is asked.
      Resource = concat(local.catalog_arns, ["arn:${local.partition}:glue:${local.here}:database/default"])
    },
    {
      Sid      = "FindTheResults"
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Resource = local.results_arn
    },
  ]

  result_actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]

  pipeline_statements = concat(local.query_statements, [
    {
      Sid      = "ReadAndWriteTheLake"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"] # the tag says how long it may stay
      Resource = concat(local.written, ["${local.lake_arn}/${local.lake_owner}"])
    },
    {
      Sid      = "ReadWhatPeoplePutIn" # watchlists and prices
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${local.lake_arn}/${local.inputs}/*"
    },
    {
      # IfExists: a request for an object names no prefix, and S3 answers 404 for one that is missing only to
      # who may list; to others 403, which is no answer.
      Sid    = "ListTheLake"
      Effect = "Allow"
      Action = "s3:ListBucket"
      Condition = {
        StringLikeIfExists = {
          "s3:prefix" = concat([for prefix in concat([local.bronze], local.rebuilt) : "${prefix}/*"], [local.lake_owner])
        }
      }
      Resource = local.lake_arn
    },
    {
      Sid    = "CheckTheLake"
      Effect = "Allow"
      Action = [
        "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:GetBucketNotification", "s3:GetBucketPublicAccessBlock",
      ]
      Resource = local.lake_arn
    },
    {
      Sid      = "KeepResultsAndLogs"
      Effect   = "Allow"
      Action   = local.result_actions
      Resource = [for prefix in [local.results_prefix, local.unload_prefix, local.compute_logs_prefix] : "${local.results_arn}/${prefix}/*"]
    },
    {
      Sid      = "HearOfNewObjects"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = local.events_arn
    },
    {
      Sid      = "CountDeadLetters"
      Effect   = "Allow"
      Action   = "sqs:GetQueueAttributes"
      Resource = local.dead_letters_arn
    },
    {
      # AWS lets a metric be named by its namespace only.
      Sid       = "SendMetrics"
      Effect    = "Allow"
      Action    = "cloudwatch:PutMetricData"
      Resource  = "*"
      Condition = { StringEquals = { "cloudwatch:namespace" = keys(local.contract.metrics) } }
    },
    {
      Sid      = "LookAtAlarms"
      Effect   = "Allow"
      Action   = "cloudwatch:DescribeAlarms"
      Resource = "arn:${local.partition}:cloudwatch:${local.here}:alarm:*"
    },
    {
      Sid      = "LookAtTheTopic"
      Effect   = "Allow"
      Action   = "sns:ListSubscriptionsByTopic"
      Resource = local.alerts_arn
    },
    {
      Sid      = "ReadTheToken"
      Effect   = "Allow"
      Action   = "ssm:GetParameter"
      Resource = local.token_arn
    },
    {
      # The id of the key that AWS manages for SSM is another in each account: it is told by what it is used for.
      Sid      = "DecryptTheToken"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = "arn:${local.partition}:kms:${local.here}:key/*"
      Condition = {
        StringEquals = {
          "kms:ViaService"                      = "ssm.${var.region}.amazonaws.com"
          "kms:EncryptionContext:PARAMETER_ARN" = local.token_arn
        }
      }
    },
  ])

  analyst_statements = concat(local.query_statements, [
    {
      # What Athena's console asks before anybody queries: names, no data. AWS lets these three be asked of all only.
      # https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
      Sid      = "OpenTheConsole"
      Effect   = "Allow"
      Action   = ["athena:ListWorkGroups", "athena:ListDataCatalogs", "athena:ListEngineVersions"]
      Resource = "*"
    },
    {
      Sid    = "BrowseTables"
      Effect = "Allow"
      Action = [
        "athena:GetDataCatalog", "athena:ListDatabases", "athena:GetDatabase", "athena:ListTableMetadata",
        "athena:GetTableMetadata",
      ]
      Resource = "arn:${local.partition}:athena:${local.here}:datacatalog/AwsDataCatalog"
    },
    {
      # A list of databases needs the right to each: their names.
      Sid      = "ListDatabases"
      Effect   = "Allow"
      Action   = "glue:GetDatabases"
      Resource = [local.catalog_arns[0], "arn:${local.partition}:glue:${local.here}:database/*"]
    },
    {
      Sid      = "SeeQueries"
      Effect   = "Allow"
      Action   = ["athena:ListQueryExecutions", "athena:BatchGetQueryExecution", "athena:GetQueryResultsStream"]
      Resource = local.workgroup_arn
    },
    {
      Sid      = "FindTheSamples"
      Effect   = "Allow"
      Action   = ["athena:ListNamedQueries", "athena:GetNamedQuery", "athena:BatchGetNamedQuery"]
      Resource = local.workgroup_arn
    },
    {
      Sid      = "ReadTables"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = local.tables
    },
    {
      Sid       = "ListTables"
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = local.lake_arn
      Condition = { StringLike = { "s3:prefix" = [for prefix in local.rebuilt : "${prefix}/*"] } }
    },
    {
      Sid      = "FindTheLake"
      Effect   = "Allow"
      Action   = "s3:GetBucketLocation"
      Resource = local.lake_arn
    },
    {
      Sid      = "KeepResults"
      Effect   = "Allow"
      Action   = local.result_actions
      Resource = "${local.results_arn}/${local.results_prefix}/*"
    },
  ])
}

resource "aws_iam_policy" "pipeline" {
  name        = "${local.name}-pipeline"
  description = "What Tally's pipeline needs and no more."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.pipeline_statements })
}

resource "aws_iam_policy" "analyst" {
  name        = "${local.name}-analyst"
  description = "Query Tally's tables and read the reports; neither bronze nor the token."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.analyst_statements })
}

resource "aws_iam_role" "pipeline" {
  count = length(var.pipeline_principals) > 0 ? 1 : 0

  name        = "${local.name}-pipeline"
  description = "Who runs Tally's pipeline assumes this."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = var.pipeline_principals }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "pipeline" {
  count = length(var.pipeline_principals) > 0 ? 1 : 0

  role       = aws_iam_role.pipeline[0].name
  policy_arn = aws_iam_policy.pipeline.arn
}
