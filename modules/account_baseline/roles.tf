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

# Reading a state takes Decrypt, writing one GenerateDataKey. Plans write no states, but exchange work with a cluster's workers.
resource "aws_iam_policy" "state_key" {
  count = var.state_kms_key == null ? 0 : 1

  name        = "${var.plan_role}-state-key"
  description = "The key of the state bucket, for its objects only."
  policy      = jsonencode({ Version = "2012-10-17", Statement = concat(local.state_key, local.plan_key) })
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "state_key" {
  for_each = { for name, role in local.state_key_roles : name => role if var.state_kms_key != null }

  role       = each.value
  policy_arn = aws_iam_policy.state_key[0].arn
}

locals {
  state_key_roles = {
    plan        = aws_iam_role.plan.name
    apply       = aws_iam_role.apply.name
    break_glass = aws_iam_role.break_glass.name
  }

  state_key_kind = (
    startswith(coalesce(var.state_kms_key, "-"), "alias/") ? "alias" :
    startswith(coalesce(var.state_kms_key, "-"), "arn:") ? "arn" : "id"
  )
  keys_of_account = "arn:${local.partition}:kms:*:${var.account_id}:key/"

  # An alias is no resource of these actions: the condition names it.
  state_key_resource = [
    for key in [coalesce(var.state_kms_key, "-")] :
    local.state_key_kind == "alias" ? "${local.keys_of_account}*" :
    local.state_key_kind == "arn" ? key : "${local.keys_of_account}${key}"
  ]
  state_key_alias = {
    for alias in [var.state_kms_key] :
    "ForAnyValue:StringEquals" => { "kms:ResourceAliases" = alias } if local.state_key_kind == "alias"
  }

  state_key = [
    for key in var.state_kms_key == null ? [] : [var.state_kms_key] : {
      Sid       = "StateKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = local.state_key_resource
      Condition = merge({ StringLike = { "kms:ViaService" = "s3.*" } }, local.state_key_alias)
    }
  ]

  # Plans that a CI carries as files are encrypted with data keys of this context (orch plan --out).
  plan_key = [
    for key in var.state_kms_key == null ? [] : [var.state_kms_key] : {
      Sid       = "PlanKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = local.state_key_resource
      Condition = merge({ StringEquals = { "kms:EncryptionContext:orch" = "plan" } }, local.state_key_alias)
    } if var.stored_plans
  ]
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
