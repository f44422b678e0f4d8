# The machine that runs Dagster, planned against a provider that is made up.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = {
      account_id = "123456789012"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }
}

variables {
  lake_outputs = "tests/lake.json"
  repository   = "https://example.org/data/tally.git"
  git_ref      = "0123456789abcdef0123456789abcdef01234567"
}

run "nobody_comes_in_and_only_https_goes_out" {
  command = plan

  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443
    error_message = "More than HTTPS goes out."
  }
}

run "the_machine_is_hardened_and_small" {
  command = plan

  assert {
    condition     = aws_instance.dagster.metadata_options[0].http_tokens == "required" && aws_instance.dagster.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "The machine's credentials can be read by a forged request."
  }

  assert {
    condition     = aws_instance.dagster.root_block_device[0].encrypted && aws_instance.dagster.instance_type == "t4g.small"
    error_message = "The disk is not encrypted, or the machine dearer than it need be."
  }

  assert {
    condition = { for name, attached in aws_iam_role_policy_attachment.dagster : name => attached.policy_arn } == {
      pipeline        = "arn:aws:iam::123456789012:policy/tally-dev-pipeline"
      session_manager = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    }
    error_message = "The machine may do more or less than the pipeline."
  }
}

run "it_runs_the_version_that_is_named_with_the_lakes_settings" {
  command = plan

  assert {
    condition     = strcontains(aws_instance.dagster.user_data, "git_ref='0123456789abcdef0123456789abcdef01234567'")
    error_message = "What runs is not what was named."
  }

  assert {
    condition     = strcontains(aws_instance.dagster.user_data, "\nTALLY_DEPLOYMENT=aws\n") && strcontains(aws_instance.dagster.user_data, "\nTALLY_LAKE_BUCKET=tally-datalake-dev\n")
    error_message = "The pipeline does not know its lake."
  }

  assert {
    condition     = strcontains(aws_instance.dagster.user_data, "tally up --no-sync")
    error_message = "Nothing is started."
  }
}

run "values_that_cannot_work_are_refused" {
  command = plan

  variables {
    repository    = "https://user:password@example.org/tally.git"
    git_ref       = "main"
    instance_type = "t3.micro"
    disk_gb       = 4
  }

  expect_failures = [var.repository, var.git_ref, var.instance_type, var.disk_gb]
}
