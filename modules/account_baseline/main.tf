# What every account has before its first stage: the three roles of orch (roles.tf) with their permissions (plan.tf, apply.tf,
# deletes.tf, copies.tf), the boundary of all roles that stacks create (boundary.tf), and the settings of the account itself.

data "aws_partition" "current" {}

locals {
  partition = coalesce(var.partition, data.aws_partition.current.partition)

  # ARNs of IAM have no region.
  iam = "arn:${local.partition}:iam::${var.account_id}"

  state_arn    = "arn:${local.partition}:s3:::${var.state_bucket}"
  boundary_arn = "${local.iam}:policy/${var.boundary_policy}"
}

resource "aws_s3_account_public_access_block" "this" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_account_alternate_contact" "this" {
  for_each = var.alternate_contacts

  alternate_contact_type = each.key
  name                   = each.value.name
  title                  = each.value.title
  email_address          = each.value.email
  phone_number           = each.value.phone
}

resource "aws_iam_account_password_policy" "this" {
  count = var.password_policy == null ? 0 : 1

  minimum_password_length        = var.password_policy.minimum_length
  max_password_age               = var.password_policy.max_age_days
  password_reuse_prevention      = var.password_policy.reuse_prevented
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  allow_users_to_change_password = true
}
