# What the jobs of a CI enter AWS with: one role for plans, and one for each protected environment. They live in the
# management account, have no rights there, and can only assume orch's roles in the accounts that they are for.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition    = data.aws_partition.current.partition
  provider_arn = "arn:${local.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${var.issuer}"

  # Applying plans first, to see that nothing else would be done than what was approved.
  apply_roles = [var.plan_role, var.apply_role]
}

resource "aws_iam_openid_connect_provider" "this" {
  count = var.create_provider ? 1 : 0

  url            = "https://${var.issuer}"
  client_id_list = [var.audience]
  tags           = var.tags
}

resource "aws_iam_role" "plan" {
  name        = "${var.role_prefix}-plan"
  description = "Jobs of the CI plan with it: it can assume the read-only plan roles."
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "JobsThatPlan"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = local.provider_arn }
        Condition = {
          StringEquals = { "${var.issuer}:aud" = var.audience }
          StringLike   = { "${var.issuer}:sub" = sort(var.plan_subjects) }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "plan" {
  name = "enter"
  role = aws_iam_role.plan.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PlanRoles"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = [for id in sort(var.plan_accounts) : "arn:${local.partition}:iam::${id}:role/${var.plan_role}"]
      },
    ]
  })
}

resource "aws_iam_role" "apply" {
  for_each = var.environments

  name        = "${var.role_prefix}-apply-${each.key}"
  description = "Jobs in the environment ${each.key} apply with it: it can assume the plan and apply roles of its accounts."
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "JobsInTheEnvironment"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = local.provider_arn }
        Condition = {
          StringEquals = {
            "${var.issuer}:aud" = var.audience
            "${var.issuer}:sub" = each.value.subject
          }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "apply" {
  for_each = var.environments

  name = "enter"
  role = aws_iam_role.apply[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid    = "PlanAndApplyRoles"
          Effect = "Allow"
          Action = "sts:AssumeRole"
          Resource = flatten([
            for id in sort(each.value.accounts) : [for role in local.apply_roles : "arn:${local.partition}:iam::${id}:role/${role}"]
          ])
        },
      ],
      # Its trust policy requires the owner and the reason of the waiver as session tags.
      [
        for role in var.break_glass_role == null ? [] : [var.break_glass_role] : {
          Sid      = "WaivedChanges"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole", "sts:TagSession"]
          Resource = [for id in sort(each.value.accounts) : "arn:${local.partition}:iam::${id}:role/${role}"]
        }
      ],
    )
  })
}
