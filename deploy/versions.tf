# Terraform keeps its state beside these files. For a team, put a backend "s3" block into backend_override.tf.
terraform {
  required_version = ">= 1.11, < 2.0" # write-only attributes keep the token out of the state

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
