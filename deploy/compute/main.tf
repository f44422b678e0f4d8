# One machine that nothing reaches from outside: no open port, no SSH, no public UI. People come in by AWS's Session
# Manager, which asks IAM who they are. About $17 a month: $12 the machine, $3.65 its public address (a NAT gateway,
# the other way out, costs $33), $1.28 the disk.

locals {
  settings = { for name, output in jsondecode(file(var.lake_outputs)) : upper(name) => output.value }
  name     = local.settings.TALLY_ATHENA_WORKGROUP
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_ssm_parameter" "amazon_linux" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

resource "aws_instance" "dagster" {
  #checkov:skip=CKV_AWS_126:Metrics by the minute cost $2 a month; the pipeline's own alarms say when it is down
  #checkov:skip=CKV_AWS_88:A public address is the cheap way out to TMDB; the security group lets nobody in
  ami                         = data.aws_ssm_parameter.amazon_linux.insecure_value
  instance_type               = var.instance_type
  subnet_id                   = aws_subnet.public.id
  vpc_security_group_ids      = [aws_security_group.outward.id]
  associate_public_ip_address = true
  iam_instance_profile        = aws_iam_instance_profile.dagster.name
  ebs_optimized               = true

  user_data_replace_on_change = true
  user_data = templatefile("${path.module}/start.sh.tftpl", {
    repository = var.repository
    git_ref    = var.git_ref
    settings   = join("\n", [for name, value in local.settings : "${name}=${value}"])
  })

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
    # A newer image must not throw the machine away; replace it on purpose.
    ignore_changes = [ami]
  }
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

resource "aws_iam_role_policy_attachment" "dagster" {
  for_each = {
    pipeline        = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:policy/${local.name}-pipeline"
    session_manager = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
  }

  role       = aws_iam_role.dagster.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "dagster" {
  name = "${local.name}-dagster"
  role = aws_iam_role.dagster.name
}
