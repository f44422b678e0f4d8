# A network of its own: free of charge, and nothing else's rules hold in it.

resource "aws_vpc" "dagster" {
  #checkov:skip=CKV2_AWS_11:Flow logs cost more than the lake; one machine that only calls out has little to tell
  cidr_block           = "10.20.0.0/24"
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = {
    Name = "${local.name}-dagster"
  }
}

# Not every zone has every type: left to itself a subnet may lie where the machine can't be had.
data "aws_ec2_instance_type_offerings" "machine" {
  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [var.instance_type]
  }
}

# Leaves out local zones, which have to be asked for and cost more.
data "aws_availability_zones" "ordinary" {
  #checkov:skip=CKV_AWS_394:Only the first zone is used, when the subnet is made; one that AWS adds later moves nothing
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones = sort(setintersection(
    data.aws_ec2_instance_type_offerings.machine.locations,
    data.aws_availability_zones.ordinary.names,
  ))
}

resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.dagster.id
  cidr_block        = "10.20.0.0/28"
  availability_zone = var.zone == null ? try(local.zones[0], null) : var.zone

  tags = {
    Name = "${local.name}-dagster"
  }

  lifecycle {
    # The data volume can't leave its zone: what AWS offers elsewhere later moves nothing.
    ignore_changes = [availability_zone]

    precondition {
      condition     = var.zone != null || length(local.zones) > 0
      error_message = "No zone of ${local.settings.AWS_REGION} has ${var.instance_type}: choose another instance_type."
    }
  }
}

resource "aws_internet_gateway" "out" {
  vpc_id = aws_vpc.dagster.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.dagster.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.out.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

# Nobody may come in. Out goes only HTTPS: TMDB, AWS, Git, Python's packages.
resource "aws_security_group" "outward" {
  name        = "${local.name}-dagster"
  description = "Nothing comes in, only HTTPS goes out."
  vpc_id      = aws_vpc.dagster.id
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.outward.id
  description       = "TMDB, AWS, Git and Python's packages have no fixed addresses."
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The VPC's own group, which nothing uses, lets nothing through.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.dagster.id
}
