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

  # 1b has no such machine, and lax-1a is a local zone: of the others the first is 1c.
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = {
      locations = ["eu-central-1d", "eu-central-1-lax-1a", "eu-central-1c"]
    }
  }

  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-central-1b", "eu-central-1c", "eu-central-1d"]
    }
  }

  mock_resource "aws_ebs_volume" {
    defaults = {
      id  = "vol-0123456789abcdef0"
      arn = "arn:aws:ec2:eu-central-1:123456789012:volume/vol-0123456789abcdef0"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/made-up"
    }
  }

  mock_resource "aws_instance" {
    defaults = {
      id = "i-0123456789abcdef0"
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
}

run "it_may_do_what_the_pipeline_may_and_be_reached_by_session_manager" {
  command = apply

  assert {
    condition     = aws_iam_role_policy_attachment.pipeline.policy_arn == "arn:aws:iam::123456789012:policy/tally-dev-pipeline"
    error_message = "The machine may not do what the pipeline has to."
  }

  # AWS's own AmazonSSMManagedInstanceCore would read every parameter of the account.
  assert {
    condition = jsondecode(aws_iam_role_policy.session_manager.policy).Statement == [{
      Sid    = "BeReachedBySessionManager"
      Effect = "Allow"
      Action = [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
      Resource = "*"
    }]
    error_message = "Session Manager may more or less than these five."
  }

  assert {
    condition = [for one in jsondecode(aws_iam_role_policy.snapshots.policy).Statement : one.Resource if one.Sid == "OfThisVolume"] == [
      "arn:aws:ec2:eu-central-1:123456789012:volume/vol-0123456789abcdef0"
    ]
    error_message = "Snapshots are taken of more than the history."
  }
}

run "it_lies_where_such_a_machine_is_to_be_had" {
  command = apply

  assert {
    condition     = aws_subnet.public.availability_zone == "eu-central-1c" && aws_ebs_volume.data.availability_zone == "eu-central-1c"
    error_message = "The machine can't be had in that zone, or its volume lies in another."
  }
}

run "what_is_offered_elsewhere_later_moves_nothing" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type_offerings.machine
    values = {
      locations = ["eu-central-1b"]
    }
  }

  assert {
    condition     = aws_subnet.public.availability_zone == "eu-central-1c" && aws_ebs_volume.data.availability_zone == "eu-central-1c"
    error_message = "The data volume would be thrown away, for it can't leave its zone."
  }
}

run "the_history_lies_on_a_volume_that_outlives_the_machine" {
  command = apply

  assert {
    condition     = aws_ebs_volume.data.encrypted && aws_ebs_volume.data.type == "gp3" && aws_ebs_volume.data.final_snapshot
    error_message = "The history can be read from the disk, or is gone without a snapshot."
  }

  assert {
    condition     = aws_volume_attachment.data.volume_id == aws_ebs_volume.data.id && aws_volume_attachment.data.stop_instance_before_detaching
    error_message = "The volume is not the machine's, or is torn off while it is written to."
  }

  assert {
    condition     = strcontains(aws_instance.dagster.user_data, "\ndevice='/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0'\n")
    error_message = "The machine looks for its data on another disk."
  }

  assert {
    condition     = !aws_instance.dagster.user_data_replace_on_change
    error_message = "Another version would throw the machine away."
  }
}

run "a_snapshot_is_taken_of_it_each_day_and_kept_for_a_week" {
  command = plan

  assert {
    condition = (
      aws_dlm_lifecycle_policy.data.state == "ENABLED"
      && aws_dlm_lifecycle_policy.data.policy_details[0].target_tags == tomap({ Name = aws_ebs_volume.data.tags.Name })
      && aws_dlm_lifecycle_policy.data.policy_details[0].schedule[0].create_rule[0].interval == 24
      && aws_dlm_lifecycle_policy.data.policy_details[0].schedule[0].retain_rule[0].count == 7
    )
    error_message = "A broken history could not be gone back from."
  }
}

run "a_snapshot_can_be_gone_back_to" {
  command = plan

  variables {
    data_snapshot = "snap-0123456789abcdef0"
  }

  assert {
    condition     = aws_ebs_volume.data.snapshot_id == "snap-0123456789abcdef0"
    error_message = "The history is not made from the snapshot."
  }
}

run "a_machine_that_is_down_is_told_of" {
  command = apply

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.down.namespace == "AWS/EC2"
      && aws_cloudwatch_metric_alarm.down.metric_name == "StatusCheckFailed"
      && aws_cloudwatch_metric_alarm.down.dimensions == tomap({ InstanceId = aws_instance.dagster.id })
      && aws_cloudwatch_metric_alarm.down.treat_missing_data == "breaching"
      && aws_cloudwatch_metric_alarm.down.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:tally-dev-alerts"])
      && startswith(aws_cloudwatch_metric_alarm.down.alarm_name, "tally-dev-")
    )
    error_message = "Nobody hears of it, or the topic lets the alarm publish nothing."
  }
}

run "it_runs_the_version_that_is_named_with_the_lakes_settings" {
  command = apply

  assert {
    condition     = strcontains(aws_instance.dagster.user_data, "git_ref='0123456789abcdef0123456789abcdef01234567'")
    error_message = "What runs is not what was named."
  }

  assert {
    condition     = strcontains(aws_instance.dagster.user_data, "\nTALLY_DEPLOYMENT=aws\n") && strcontains(aws_instance.dagster.user_data, "\nTALLY_LAKE_BUCKET=tally-datalake-dev\n")
    error_message = "The pipeline does not know its lake."
  }

  assert {
    condition     = strcontains(aws_instance.dagster.user_data, "tally up --sync-when-due")
    error_message = "Nothing is started."
  }

  # The whole of it, for cloud-init runs what it takes for a script at every boot only if this says so.
  assert {
    condition     = startswith(aws_instance.dagster.user_data, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"tally\"\n\n--tally\n") && strcontains(aws_instance.dagster.user_data, "\n  - [scripts-user, always]\n\n--tally\n")
    error_message = "A change would take effect on a new machine only."
  }

  # No list, no output of anything but the pipeline.
  assert {
    condition     = !strcontains(aws_instance.dagster.user_data, "SOMETHING_ELSE")
    error_message = "The pipeline is told what is no setting."
  }
}

run "no_zone_has_the_machine" {
  command = plan

  variables {
    instance_type = "m8g.medium"
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.machine
    values = {
      locations = []
    }
  }

  expect_failures = [aws_subnet.public]
}

run "values_that_cannot_work_are_refused" {
  command = plan

  variables {
    repository    = "https://user:password@example.org/tally.git"
    git_ref       = "main"
    instance_type = "t3.micro"
    disk_gb       = 4
    data_gb       = 2.5
    data_snapshot = "latest"
    zone          = "eu-central-1"
  }

  expect_failures = [var.repository, var.git_ref, var.instance_type, var.disk_gb, var.data_gb, var.data_snapshot, var.zone]
}
