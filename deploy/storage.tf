# The lake, and a bucket for what queries leave behind.

resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_18:Access logs cost a second bucket and more requests than the lake itself; CloudTrail has them where they are needed
  #checkov:skip=CKV_AWS_144:A copy in another region doubles the bill; bronze is protected by versions, and `tally export` takes it out
  #checkov:skip=CKV_AWS_145:SSE-S3 encrypts at rest for nothing; a key of one's own costs $1 a month, ten times the lake
  bucket        = local.lake_bucket
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket" "results" {
  #checkov:skip=CKV_AWS_18:Results live for days, and Athena's history says who asked what
  #checkov:skip=CKV_AWS_144:Results can be had again by asking again
  #checkov:skip=CKV_AWS_145:SSE-S3 encrypts at rest for nothing; a key of one's own costs $1 a month, ten times the lake
  #checkov:skip=CKV2_AWS_62:Nothing waits for results: Athena is asked for them
  bucket        = local.results_bucket
  force_destroy = var.force_destroy

  lifecycle {
    precondition {
      condition     = length(local.results_bucket) <= 63 # the longer of the two names
      error_message = "The buckets' names are too long for S3 (63 characters): shorten project, environment or bucket_suffix."
    }

    precondition {
      condition     = !endswith(local.results_bucket, "-s3alias") # both names end alike
      error_message = "S3 keeps names that end in -s3alias for itself: choose another bucket_suffix or environment."
    }
  }
}

locals {
  buckets = {
    lake    = aws_s3_bucket.lake.id
    results = aws_s3_bucket.results.id
  }
}

resource "aws_s3_bucket_public_access_block" "closed" {
  for_each = local.buckets

  bucket                  = each.value
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "no_acls" {
  for_each = local.buckets

  bucket = each.value

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "at_rest" {
  for_each = local.buckets

  bucket = each.value

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "kept" {
  for_each = local.buckets

  bucket = each.value

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "lake" {
  count = var.object_lock == null ? 0 : 1

  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_s3_bucket_versioning.kept]

  rule {
    default_retention {
      mode = var.object_lock.mode
      days = var.object_lock.days
    }
  }

  lifecycle {
    precondition {
      condition     = var.retention_days == 0 || var.object_lock.days <= var.retention_days
      error_message = "object_lock.days is more than retention_days: nothing that is locked can be removed when its time is over, not even by AWS. Lower it, or set retention_days = 0 if this lake may keep everything."
    }
  }
}

# --- who may do what, whatever else allows it

locals {
  bucket_arns = { lake = local.lake_arn, results = local.results_arn }

  tls_only = {
    for bucket, arn in local.bucket_arns : bucket => {
      Sid       = "OnlyOverTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [arn, "${arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
  }

  # A part of a multipart upload can't carry the header; the request that completes the upload can.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
  bronze_is_only_created = {
    Sid       = "BronzeIsOnlyCreated"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:PutObject"
    Resource  = "${local.lake_arn}/${local.bronze}/*"
    Condition = {
      Null = { "s3:if-none-match" = "true" }
      Bool = { "s3:ObjectCreationOperation" = "true" }
    }
  }

  # Holds for everybody who may not change this policy. Who may change it (an administrator) can delete, by changing it
  # first; against that only var.object_lock in its mode COMPLIANCE holds. Expiry is S3's own doing.
  bronze_is_not_deleted = {
    Sid       = "BronzeIsNotDeleted"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    Resource  = "${local.lake_arn}/${local.bronze}/*"
  }

  # The rules below expire what carries a tag with few days left: who could put that on an object could make it go. All
  # bronze carries the tag from its creation (lake/retention.py); from then on nobody changes it. A put that creates an
  # object with its tag needs the same permission, but there is no object then whose tag this condition could find.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
  bronze_keeps_its_tag = {
    Sid       = "BronzeKeepsItsTag"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"]
    Resource  = "${local.lake_arn}/${local.bronze}/*"
    Condition = { Null = { "s3:ExistingObjectTag/${local.days_left_tag}" = "false" } }
  }

  bucket_policies = {
    lake = [
      local.tls_only.lake, local.bronze_is_only_created, local.bronze_is_not_deleted, local.bronze_keeps_its_tag,
    ]
    results = [local.tls_only.results]
  }
}

resource "aws_s3_bucket_policy" "rules" {
  for_each = local.buckets

  bucket     = each.value
  policy     = jsonencode({ Version = "2012-10-17", Statement = local.bucket_policies[each.key] })
  depends_on = [aws_s3_bucket_public_access_block.closed]
}

# --- what expires

locals {
  # S3 rounds both ends of a life up to the next midnight, and removes some time after.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
  margin_days = 3

  # Days until an object expires, if it was written on the day that it describes; null: never. Then it is an old version,
  # to recover from, until retention_days are over.
  life_days = var.retention_days == 0 ? null : (
    var.retention_days - max(var.replaced_days, coalesce(var.bronze_recovery_days, 0)) - local.margin_days
  )

  expiry = {
    for prefix in concat([local.bronze], local.rebuilt) : prefix => {
      current = local.life_days
      old     = prefix == local.bronze ? var.bronze_recovery_days : var.replaced_days
    }
  }

  # What viewers did is gone as they were told: it is not recovered.
  events_old_days = 1

  # What is read once and large. Kept for less than 90 days it would cost more there than it saves.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
  cold_least_days  = 90
  cold_least_bytes = 128 * 1024
  cold = (
    var.cold_after_days == null || try(local.life_days - var.cold_after_days < local.cold_least_days, false)
    ? [] : ["details", "series_export"]
  )

  # What is written late (a rebuild, an import) says by a tag how many days are left to it: lake/retention.py. A bucket
  # takes 1,000 rules.
  days_left_tag = "tally-days-left"
  late_days     = local.life_days == null ? [] : range(1, local.life_days)
}

resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_s3_bucket_versioning.kept]

  lifecycle {
    precondition {
      condition     = local.life_days == null || try(local.life_days >= 8, false)
      error_message = "retention_days leaves objects fewer than 8 days before they are old versions: changes over a week need that many. Raise it, or lower replaced_days and bronze_recovery_days."
    }
  }

  rule {
    id     = "litter"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = { for prefix, days in local.expiry : prefix => days if days.current != null || days.old != null }

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = "${rule.key}/"
      }

      dynamic "expiration" {
        for_each = rule.value.current[*]

        content {
          days = expiration.value
        }
      }

      dynamic "noncurrent_version_expiration" {
        for_each = rule.value.old[*]

        content {
          noncurrent_days = noncurrent_version_expiration.value
        }
      }
    }
  }

  # Of two rules that fit an object the shorter life counts.
  dynamic "rule" {
    for_each = var.events_days == 0 ? [] : [var.events_days - local.margin_days - local.events_old_days]

    content {
      id     = "events"
      status = "Enabled"

      filter {
        prefix = "${local.bronze}/events/"
      }

      # As for all objects; checkov asks it of the last such rule.
      abort_incomplete_multipart_upload {
        days_after_initiation = 3
      }

      expiration {
        days = rule.value
      }

      noncurrent_version_expiration {
        noncurrent_days = local.events_old_days
      }
    }
  }

  dynamic "rule" {
    for_each = toset(local.cold)

    content {
      id     = "cold-${rule.value}"
      status = "Enabled"

      filter {
        and {
          prefix                   = "${local.bronze}/tmdb/${rule.value}/"
          object_size_greater_than = local.cold_least_bytes
        }
      }

      transition {
        days          = var.cold_after_days
        storage_class = "GLACIER_IR"
      }
    }
  }

  dynamic "rule" {
    for_each = local.late_days

    content {
      id     = "late-${rule.value}"
      status = "Enabled"

      filter {
        tag {
          key   = local.days_left_tag
          value = tostring(rule.value)
        }
      }

      expiration {
        days = rule.value
      }
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "results" {
  bucket     = aws_s3_bucket.results.id
  depends_on = [aws_s3_bucket_versioning.kept]

  # Results hold what was asked for, up to the last day of an object.
  lifecycle {
    precondition {
      condition = (
        var.retention_days == 0 || var.bronze_recovery_days == null
        || try(var.results_days + local.margin_days <= max(var.replaced_days, var.bronze_recovery_days), false)
      )
      error_message = "Results of a query stay beyond retention_days with these results_days: let them be 3 less than replaced_days or bronze_recovery_days, the larger of which is the time from an object's last day to the end of retention_days."
    }
  }

  rule {
    id     = "litter"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }

    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  dynamic "rule" {
    for_each = {
      (local.results_prefix)      = var.results_days
      (local.unload_prefix)       = 1
      (local.compute_logs_prefix) = 30
    }

    content {
      id     = rule.key
      status = "Enabled"

      filter {
        prefix = "${rule.key}/"
      }

      expiration {
        days = rule.value
      }
    }
  }
}
