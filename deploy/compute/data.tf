# Dagster's history lies on a volume of its own: it outlives the machine, its versions and its disk. The lake does not
# lie here, and can do without it.

locals {
  data_name = "${local.name}-dagster-data"
  # The name that EC2's udev rules and the kernel give it, whatever the order in which disks were found.
  device = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${replace(aws_ebs_volume.data.id, "-", "")}"
}

resource "aws_ebs_volume" "data" {
  #checkov:skip=CKV_AWS_189:Encrypted with the key that AWS manages for EBS; one of one's own costs $1 a month, and the history holds no secret
  availability_zone = aws_subnet.public.availability_zone
  type              = "gp3"
  size              = var.data_gb
  encrypted         = true
  snapshot_id       = var.data_snapshot

  # Whatever destroys it leaves a last snapshot: see data_snapshot.
  final_snapshot = true

  tags = {
    Name = local.data_name
  }
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.dagster.id

  # A volume that is torn from a running machine may lose what was written last.
  stop_instance_before_detaching = true
}

# --- a snapshot a day, for a week: $0.05 a month for each gigabyte that changed

resource "aws_dlm_lifecycle_policy" "data" {
  description        = "A snapshot a day of Dagster history"
  execution_role_arn = aws_iam_role.snapshots.arn
  state              = "ENABLED"

  policy_details {
    resource_types = ["VOLUME"]
    target_tags    = { Name = local.data_name }

    schedule {
      name      = "daily"
      copy_tags = true

      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["01:00"] # AWS begins within the hour: before the day's capture
      }

      retain_rule {
        count = 7
      }
    }
  }

  depends_on = [aws_iam_role_policy.snapshots]
}

resource "aws_iam_role" "snapshots" {
  name        = "${local.name}-dagster-snapshots"
  description = "Takes the snapshots of Dagster's history, and deletes those of last week."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "dlm.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "snapshots" {
  name = "snapshots"
  role = aws_iam_role.snapshots.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Find"
        Effect   = "Allow"
        Action   = ["ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"]
        Resource = "*"
      },
      {
        Sid      = "OfThisVolume"
        Effect   = "Allow"
        Action   = "ec2:CreateSnapshot"
        Resource = aws_ebs_volume.data.arn
      },
      {
        Sid      = "Take"
        Effect   = "Allow"
        Action   = ["ec2:CreateSnapshot", "ec2:CreateTags"]
        Resource = "arn:${data.aws_partition.current.partition}:ec2:${local.settings.AWS_REGION}::snapshot/*"
      },
      {
        Sid       = "DeleteItsOwn"
        Effect    = "Allow"
        Action    = "ec2:DeleteSnapshot"
        Resource  = "arn:${data.aws_partition.current.partition}:ec2:${local.settings.AWS_REGION}::snapshot/*"
        Condition = { StringEquals = { "aws:ResourceTag/Name" = local.data_name } }
      },
    ]
  })
}
