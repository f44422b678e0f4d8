# One machine that nothing reaches from outside: no open port, no SSH, no public UI. People come in by AWS's Session
# Manager, which asks IAM who they are. About $18 a month: $12 the machine, $3.65 its public address (a NAT gateway,
# the other way out, costs $33), $1.28 its disk, $0.64 the data volume, and cents for snapshots of that.

locals {
  outputs = { for name, output in jsondecode(file(var.lake_outputs)) : upper(name) => output.value }
  # What else the lake may tell is no setting of the pipeline.
  settings = { for name, value in local.outputs : name => value if can(regex("^(TALLY_[A-Z_]+|AWS_REGION)$", name)) }
  name     = local.settings.TALLY_ATHENA_WORKGROUP

  start = templatefile("${path.module}/start.sh.tftpl", {
    repository = var.repository
    git_ref    = var.git_ref
    device     = local.device
    settings   = join("\n", [for name, value in local.settings : "${name}=${value}"])
  })

  # Read by cloud-init. A script alone would run once in a machine's life: the first part says at every boot.
  user_data = <<-MIME
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="tally"

    --tally
    Content-Type: text/cloud-config; charset="us-ascii"

    #cloud-config
    cloud_final_modules:
      - [scripts-user, always]

    --tally
    Content-Type: text/x-shellscript; charset="us-ascii"

    ${local.start}

    --tally--
  MIME
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_ssm_parameter" "amazon_linux" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

resource "aws_instance" "dagster" {
  #checkov:skip=CKV_AWS_126:Metrics by the minute cost $2 a month; status checks, which the alarm reads, are free of charge
  #checkov:skip=CKV_AWS_88:A public address is the cheap way out to TMDB; the security group lets nobody in
  ami                         = data.aws_ssm_parameter.amazon_linux.insecure_value
  instance_type               = var.instance_type
  subnet_id                   = aws_subnet.public.id
  vpc_security_group_ids      = [aws_security_group.outward.id]
  associate_public_ip_address = true
  iam_instance_profile        = aws_iam_instance_profile.dagster.name
  ebs_optimized               = true

  # Another version or setting stops the machine, and starts it again with the new ones.
  user_data                   = local.user_data
  user_data_replace_on_change = false

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.disk_gb
    encrypted   = true
  }

  tags = {
    Name = "${local.name}-dagster"
  }

  lifecycle {
    # A newer image must not throw the machine away; it patches itself. Replace it on purpose.
    ignore_changes = [ami]

    precondition {
      condition     = length(local.user_data) < 16384
      error_message = "EC2 takes no user data over 16 KiB: shorten deploy/compute/start.sh.tftpl."
    }
  }

  # Without a way out, or before it may do what it has to, its first minutes would fail.
  depends_on = [
    aws_route_table_association.public,
    aws_vpc_security_group_egress_rule.https,
    aws_iam_role_policy_attachment.pipeline,
    aws_iam_role_policy.session_manager,
  ]
}

# --- what it may do: the pipeline's policy, and what Session Manager needs

resource "aws_iam_role" "dagster" {
  name        = "${local.name}-dagster"
  description = "The machine that runs Dagster."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "pipeline" {
  role       = aws_iam_role.dagster.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:policy/${local.name}-pipeline"
}

# Not AWS's own AmazonSSMManagedInstanceCore: that one reads every parameter of the account, other people's secrets too.
resource "aws_iam_role_policy" "session_manager" {
  #checkov:skip=CKV_AWS_355:These actions know no resource; each lets the machine speak for itself only
  #checkov:skip=CKV_AWS_290:They write nothing but the channels of a session that IAM has let in
  name = "session-manager"
  role = aws_iam_role.dagster.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "BeReachedBySessionManager"
      Effect = "Allow"
      Action = [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ]
      Resource = "*"
    }]
  })
}

resource "aws_iam_instance_profile" "dagster" {
  name = "${local.name}-dagster"
  role = aws_iam_role.dagster.name
}

# --- told when it is down: the lake's alarms tell of a machine that is up and does nothing

resource "aws_cloudwatch_metric_alarm" "down" {
  alarm_name          = "${local.name}-machine-down"
  alarm_description   = "The machine that runs Dagster is stopped, gone, or fails EC2's status checks, for 15 minutes. See it in EC2's console; stop and start it there, or run terraform apply in deploy/compute. When it is back it captures today if that is due and missing."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  dimensions          = { InstanceId = aws_instance.dagster.id }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  # A restart, for patches or another version, is over before.
  period             = 300
  evaluation_periods = 3
  treat_missing_data = "breaching"
  alarm_actions      = [local.settings.TALLY_ALERTS_TOPIC_ARN]
}
