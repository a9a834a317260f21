locals {
  trusted = { AWS = [for id in sort(var.trusted_account_ids) : "arn:${local.partition}:iam::${id}:root"] }

  trust_with_tags = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TrustedWithReason"
        Effect    = "Allow"
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        Principal = local.trusted
        Condition = {
          StringLike = {
            "aws:RequestTag/orch:owner"  = "?*"
            "aws:RequestTag/orch:reason" = "?*"
          }
        }
      },
    ]
  })

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Trusted"
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = local.trusted
      },
    ]
  })
}

# The permissions of the apply role, and the deletes that are denied to it. Assuming this role requires an owner and a reason:
# CloudTrail records the two session tags with each call.
resource "aws_iam_role" "break_glass" {
  name                 = var.break_glass_role
  description          = "orch applies under this role what a waiver allows, or with --break-glass: the session says who and why."
  assume_role_policy   = local.trust_with_tags
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role" "plan" {
  name                 = var.plan_role
  description          = "orch plans under this role: it looks and changes nothing."
  assume_role_policy   = local.trust
  max_session_duration = var.session_hours * 3600
  tags                 = var.tags
}

resource "aws_iam_role" "apply" {
  name                 = var.apply_role
  description          = "orch applies judged plans under this role."
  assume_role_policy   = local.trust
  max_session_duration = var.session_hours * 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.plan.name
  policy_arn = aws_iam_policy.look.arn
}

locals {
  # The policies that the apply and the break-glass role share.
  apply_policies = {
    look       = aws_iam_policy.look.arn
    change     = aws_iam_policy.change.arn
    roles      = aws_iam_policy.roles.arn
    guardrails = aws_iam_policy.guardrails.arn
    copies     = aws_iam_policy.copies.arn
  }
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = merge(local.apply_policies, { for policy in aws_iam_policy.deletes : "deletes" => policy.arn })

  role       = aws_iam_role.apply.name
  policy_arn = each.value
}

resource "aws_iam_role_policy_attachment" "break_glass" {
  for_each = local.apply_policies

  role       = aws_iam_role.break_glass.name
  policy_arn = each.value
}
