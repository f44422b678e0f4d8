# Glue's tables, and the workgroup that queries run in. A new day is queryable at once: no partition is ever added.

resource "aws_glue_catalog_database" "tally" {
  name        = local.database
  description = "TMDB's TV lists, day by day."
}

# The day of the first apply, kept in the state.
resource "terraform_data" "first_apply" {
  input = formatdate("YYYY-MM-DD", plantimestamp())

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  # An unfiltered query lists every projected day of every list: no more of them than there can be files of.
  days = (
    var.retention_days > 0
    ? "NOW-${var.retention_days}DAYS,NOW"
    : "${coalesce(var.first_ingest_date, terraform_data.first_apply.input)},NOW"
  )
}

resource "aws_glue_catalog_table" "tables" {
  for_each = local.contract.tables

  name          = each.key
  description   = each.value.description
  database_name = aws_glue_catalog_database.tally.name
  table_type    = "EXTERNAL_TABLE"

  # https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
  parameters = merge(
    {
      "EXTERNAL"                    = "TRUE"
      "classification"              = "parquet"
      "projection.enabled"          = "true"
      "projection.dt.type"          = "date"
      "projection.dt.format"        = "yyyy-MM-dd"
      "projection.dt.range"         = local.days
      "projection.dt.interval"      = "1"
      "projection.dt.interval.unit" = "DAYS"
      "storage.location.template"   = "s3://${local.lake_bucket}/${each.value.prefix}/${each.value.template}/"
    },
    contains(each.value.partition_keys[*].name, "data_type") ? {
      "projection.data_type.type"   = "enum"
      "projection.data_type.values" = join(",", local.contract.lists)
    } : {}
  )

  storage_descriptor {
    location      = "s3://${local.lake_bucket}/${each.value.prefix}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }

  dynamic "partition_keys" {
    for_each = each.value.partition_keys

    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = partition_keys.value.comment
    }
  }
}

resource "aws_athena_workgroup" "tally" {
  name        = local.name
  description = "Tally's queries: limited in what they scan, results for ${var.results_days} days."
  # Only the history of queries goes with it.
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = false
    bytes_scanned_cutoff_per_query     = var.query_scan_limit_mb * 1024 * 1024

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${aws_s3_bucket.results.id}/${local.results_prefix}/"
      expected_bucket_owner = local.account

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}

resource "aws_athena_named_query" "samples" {
  for_each = local.contract.sample_queries

  name        = each.key
  description = each.value.description
  query       = each.value.sql
  database    = aws_glue_catalog_database.tally.name
  workgroup   = aws_athena_workgroup.tally.id
}
