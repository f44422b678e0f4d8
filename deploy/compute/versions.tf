# Optional: Dagster on one small machine of AWS's. The lake is the other root; this one can go and come as you like.
terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

# Credentials come from the usual chain: environment, profile, role.
provider "aws" {
  region = local.settings.AWS_REGION

  default_tags {
    tags = {
      Project   = local.name
      ManagedBy = "terraform"
      Part      = "compute"
    }
  }
}
