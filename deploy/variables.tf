variable "project" {
  description = "First part of every name. S3's names are the whole world's: choose another when a bucket's is taken."
  type        = string
  default     = "tally"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project)) && length(var.project) <= 20
    error_message = "project must be 1 to 20 of a-z, 0-9 and single hyphens, and start with a letter."
  }
}

variable "bucket_suffix" {
  description = "Last part of the buckets' names; null: the account's id. Empty gives the names of Tally before this variable was there. If S3 says BucketAlreadyExists, somebody else in the world has the name: choose another suffix."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_suffix == null || try(var.bucket_suffix == "" || can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.bucket_suffix)), false)
    error_message = "bucket_suffix must be null, empty, or a-z, 0-9 and single hyphens."
  }
}

variable "environment" {
  description = "Which of several lakes this is, e.g. dev or prod: part of every name."
  type        = string
  default     = "dev"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.environment)) && length(var.environment) <= 16
    error_message = "environment must be 1 to 16 of a-z, 0-9 and single hyphens, and start with a letter."
  }
}

variable "region" {
  description = "The AWS region of everything here."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, as in us-east-1."
  }
}

variable "first_ingest_date" {
  description = "First day (YYYY-MM-DD) that queries see in a lake that keeps everything (retention_days = 0); null: the day of the first apply. With a retention they see its days. A query without a filter on dt lists every day since then; a day before it has no rows, and nothing says so."
  type        = string
  default     = null

  validation {
    condition = var.first_ingest_date == null || (
      can(regex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", var.first_ingest_date))
      && can(formatdate("YYYY", "${var.first_ingest_date}T00:00:00Z"))
    )
    error_message = "first_ingest_date must be null or a day, as in 2025-01-01."
  }
}

# --- storage

variable "retention_days" {
  description = "Days from a partition's day until nothing of it is left, versions to recover from included; 0 keeps everything. TMDB's terms allow no content to be cached for more than six months: ask TMDB before you raise it."
  type        = number
  default     = 180
  nullable    = false

  validation {
    condition     = var.retention_days == 0 || (var.retention_days >= 8 && floor(var.retention_days) == var.retention_days)
    error_message = "retention_days must be 0 (for ever) or a whole number of at least 8: changes over a week need that many days."
  }

  validation {
    condition     = var.retention_days <= 990
    error_message = "retention_days must be 990 at most, or 0 (for ever): each day needs a lifecycle rule, and S3 takes 1,000 for a bucket."
  }
}

variable "bronze_recovery_days" {
  description = "Days for which an expired bronze object can still be recovered by an administrator, as an old version; after that its bytes are gone. They are part of retention_days. null: for ever, which TMDB's terms do not allow for its content."
  type        = number
  default     = 14

  validation {
    condition = (
      var.bronze_recovery_days == null
      || try(var.bronze_recovery_days >= 1 && floor(var.bronze_recovery_days) == var.bronze_recovery_days, false)
    )
    error_message = "bronze_recovery_days must be null (for ever) or a whole number of at least 1."
  }
}

variable "replaced_days" {
  description = "Days for which the replaced versions of rebuilt objects (silver, quarantine, gold, reports) stay. They are part of retention_days."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.replaced_days >= 1 && floor(var.replaced_days) == var.replaced_days
    error_message = "replaced_days must be a whole number of at least 1."
  }
}

variable "events_days" {
  description = "Days after which nothing is left of viewers' events as they came (bronze/events), old versions included. 0: they stay as long as the rest of bronze."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = (var.events_days == 0 || var.events_days >= 8) && floor(var.events_days) == var.events_days
    error_message = "events_days must be 0 or a whole number of at least 8: phones that were offline for days send later."
  }
}

variable "cold_after_days" {
  description = "Days after which the large objects of bronze that are read once (captures of details, daily exports) move to Glacier Instant Retrieval: a sixth of the price to store, $0.03 for each GB that is read again (an audit, a rebuild), and read as before. It takes at least 90 days there to pay: with fewer left of retention_days nothing moves. null: never."
  type        = number
  default     = 14

  validation {
    condition = (
      var.cold_after_days == null
      || try(var.cold_after_days >= 8 && floor(var.cold_after_days) == var.cold_after_days, false)
    )
    error_message = "cold_after_days must be null (never) or a whole number of at least 8: details of a week are read again to make a day."
  }
}

variable "results_days" {
  description = "Days until query results expire. Dagster's compute logs stay for 30."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.results_days >= 1 && var.results_days <= 365 && floor(var.results_days) == var.results_days
    error_message = "results_days must be a whole number from 1 to 365."
  }
}

variable "object_lock" {
  description = "Locks every version in the lake for so many days: GOVERNANCE lets an administrator lift it, COMPLIANCE nobody at all, the root user included. It holds for silver's replaced versions too, and can't be switched off for what is locked. null: no lock. A version that is written late is locked from then on, and so may outlive retention_days."
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition = var.object_lock == null || try(
      contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode)
      && var.object_lock.days >= 1 && floor(var.object_lock.days) == var.object_lock.days,
      false
    )
    error_message = "object_lock must be null or { mode = \"GOVERNANCE\" or \"COMPLIANCE\", days = a whole number of at least 1 }."
  }
}

variable "force_destroy" {
  description = "Lets `terraform destroy` remove buckets that still hold objects, all versions included. Apply it before you destroy."
  type        = bool
  default     = false
  nullable    = false
}

# --- catalog

variable "query_scan_limit_mb" {
  description = "Megabytes that one query may scan before Athena ends it. A terabyte costs about $5."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = var.query_scan_limit_mb >= 10 && floor(var.query_scan_limit_mb) == var.query_scan_limit_mb
    error_message = "query_scan_limit_mb must be a whole number of at least 10, which Athena bills for any query."
  }
}

variable "create_crawler" {
  description = "Also makes a Glue crawler, to be started by hand. Nothing here needs one: partitions are projected. A crawl costs about $0.15."
  type        = bool
  default     = false
  nullable    = false
}

# --- alerts

variable "alert_email" {
  description = "Address that alarms and the budget write to; it has to confirm a mail from AWS first. null: nobody is written to."
  type        = string
  default     = null

  validation {
    condition     = var.alert_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alert_email))
    error_message = "alert_email must be null or an address, as in data@example.org."
  }
}

variable "min_pass_rate" {
  description = "Percent of a list's rows that must hold the contract, or an alarm rings. The pipeline's own bar is TALLY_MIN_PASS_RATE."
  type        = number
  default     = 95
  nullable    = false

  validation {
    condition     = var.min_pass_rate >= 0 && var.min_pass_rate <= 100
    error_message = "min_pass_rate must be from 0 to 100."
  }
}

variable "monthly_budget_usd" {
  description = "US dollars a month for the whole account that AWS warns of at 80 % spent and at 100 % forecast; 0 makes no budget, and neither does an alert_email of null: nobody would be told."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd must be 0 (no budget) or more."
  }
}

# --- access

variable "pipeline_principals" {
  description = "ARNs of the users, roles or accounts that may assume the pipeline's role. Empty: no role is made; attach the policy to your own."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.pipeline_principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|user/.+|role/.+)$", arn)) && !strcontains(arn, "*")])
    error_message = "pipeline_principals must be ARNs of IAM users, roles or accounts, without wildcards."
  }
}

variable "tmdb_token" {
  description = "TMDB's API Read Access Token, by the environment: TF_VAR_tmdb_token. It gets into neither the state nor a plan. null: a placeholder is stored; set the token by AWS's CLI afterwards."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = var.tmdb_token == null || try(length(trimspace(var.tmdb_token)) >= 20, false)
    error_message = "tmdb_token is too short for TMDB's API Read Access Token."
  }
}

variable "tmdb_token_version" {
  description = "Raise it by one to have tmdb_token written again; Terraform cannot see that the token changed."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.tmdb_token_version >= 1 && floor(var.tmdb_token_version) == var.tmdb_token_version
    error_message = "tmdb_token_version must be a whole number of at least 1."
  }
}
