# Off by default: projection does for nothing what a crawl costs $0.15 for. It crawls the tables that are there, so it
# can't make a second one or name a key partition_0, and it only logs what differs. No schedule: somebody starts it.

resource "aws_glue_crawler" "tables" {
  #checkov:skip=CKV_AWS_195:A security configuration encrypts its logs with a key of one's own, which costs $1 a month
  count = var.create_crawler ? 1 : 0

  name          = "${local.name}-tables"
  description   = "Compares the tables with the files and logs what differs. Started by hand."
  database_name = aws_glue_catalog_database.tally.name
  role          = aws_iam_role.crawler[0].arn

  catalog_target {
    database_name = aws_glue_catalog_database.tally.name
    tables        = [for table in aws_glue_catalog_table.tables : table.name]
  }

  schema_change_policy {
    update_behavior = "LOG"
    delete_behavior = "LOG"
  }

  configuration = jsonencode({
    Version       = 1.0
    CrawlerOutput = { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } }
    Grouping      = { TableGroupingPolicy = "CombineCompatibleSchemas" }
  })
}

resource "aws_iam_role" "crawler" {
  count = var.create_crawler ? 1 : 0

  name        = "${local.name}-crawler"
  description = "What the Glue crawler may do."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "glue.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "crawler" {
  count = var.create_crawler ? 1 : 0

  name = "crawl"
  role = aws_iam_role.crawler[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadTheFiles"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [for prefix in local.rebuilt : "${local.lake_arn}/${prefix}/*"]
      },
      {
        Sid      = "ListTheFiles"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
        Resource = local.lake_arn
      },
      {
        Sid    = "UseTheCatalog"
        Effect = "Allow"
        Action = [
          "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:UpdateTable",
          "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition", "glue:BatchCreatePartition",
        ]
        Resource = local.catalog_arns
      },
      {
        Sid      = "WriteItsLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "arn:${local.partition}:logs:${local.here}:log-group:/aws-glue/crawlers:*"
      },
    ]
  })
}
