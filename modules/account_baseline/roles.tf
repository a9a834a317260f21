locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Trusted"
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { AWS = [for id in sort(var.trusted_account_ids) : "arn:${var.partition}:iam::${id}:root"] }
      },
    ]
  })
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

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = {
    look       = aws_iam_policy.look.arn
    change     = aws_iam_policy.change.arn
    roles      = aws_iam_policy.roles.arn
    guardrails = aws_iam_policy.guardrails.arn
  }

  role       = aws_iam_role.apply.name
  policy_arn = each.value
}
