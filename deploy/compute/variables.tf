variable "lake_outputs" {
  description = "File with the lake's outputs: `terraform -chdir=deploy output -json > deploy/compute/lake.json`. It holds names, no secret."
  type        = string
  default     = "lake.json"
  nullable    = false

  validation {
    condition     = fileexists(var.lake_outputs)
    error_message = "There is no such file. From the project's root: terraform -chdir=deploy output -json > deploy/compute/lake.json"
  }

  validation {
    condition     = can(jsondecode(file(var.lake_outputs)).tally_athena_workgroup.value)
    error_message = "The file does not hold the lake's outputs. Has the lake been applied? Then write the file again."
  }

  validation {
    condition     = alltrue([for name in ["aws_region", "tally_alerts_topic_arn"] : can(jsondecode(file(var.lake_outputs))[name].value)])
    error_message = "The file lacks aws_region or tally_alerts_topic_arn: it is of an earlier version. Apply the lake and write the file again."
  }
}

variable "repository" {
  description = "HTTPS address of the Git repository that holds this project, readable without a login."
  type        = string

  validation {
    condition     = can(regex("^https://[A-Za-z0-9._~/-]+$", var.repository))
    error_message = "repository must be an https:// address without a user, a password or a query."
  }
}

variable "git_ref" {
  description = "The tag or full commit hash that runs. Another one restarts the machine with that version; the lake and Dagster's history stay. If it can't be installed the version before runs on."
  type        = string

  validation {
    condition     = can(regex("^([0-9a-f]{40}|v[0-9][A-Za-z0-9.-]*)$", var.git_ref))
    error_message = "git_ref must be a commit's 40 hex digits, or a tag that starts with v and a digit: a branch would move."
  }
}

variable "instance_type" {
  description = "An arm64 type. t4g.small (2 GiB) runs the daily lists, about $12 a month; backfills of many days want t4g.medium, about $25."
  type        = string
  default     = "t4g.small"
  nullable    = false

  validation {
    condition     = can(regex("^(t4g|m[678]g|c[678]g|r[678]g)\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type must be an arm64 type, as in t4g.small."
  }
}

variable "disk_gb" {
  description = "Gigabytes of the disk: the system and two versions of Tally. A gigabyte costs about $0.08 a month."
  type        = number
  default     = 16
  nullable    = false

  validation {
    condition     = var.disk_gb >= 12 && var.disk_gb <= 1000 && floor(var.disk_gb) == var.disk_gb
    error_message = "disk_gb must be a whole number from 12 to 1000."
  }
}

variable "data_gb" {
  description = "Gigabytes of the volume with Dagster's history and what gold is made from. It can grow, not shrink. A gigabyte costs about $0.08 a month."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.data_gb >= 4 && var.data_gb <= 1000 && floor(var.data_gb) == var.data_gb
    error_message = "data_gb must be a whole number from 4 to 1000."
  }
}

variable "data_snapshot" {
  description = "A snapshot that the data volume is made from, as in snap-0123456789abcdef0. Naming one replaces the volume; of the one that is there a last snapshot is kept. Leave it named, or later take the line away: neither changes the volume again."
  type        = string
  default     = null

  validation {
    condition     = var.data_snapshot == null || can(regex("^snap-[0-9a-f]{8,17}$", var.data_snapshot))
    error_message = "data_snapshot must be a snapshot's id, as in snap-0123456789abcdef0."
  }
}

variable "zone" {
  description = "The zone to make the machine and its volume in, as in eu-central-1b; the first that has instance_type if it is not set. It counts when they are made: to move them, destroy and apply with data_snapshot."
  type        = string
  default     = null

  validation {
    condition     = var.zone == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", var.zone))
    error_message = "zone must be an availability zone, as in eu-central-1b."
  }
}
