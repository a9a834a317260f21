# What is always denied to the apply role and the break-glass role: changing their own limits.
resource "aws_iam_policy" "guardrails" {
  name        = "${var.apply_role}-guardrails"
  description = "What orch never does under the apply role, nor under the break-glass role."
  policy      = jsonencode({ Version = "2012-10-17", Statement = concat(local.guardrails, local.guardrails_more) })
  tags        = var.tags
}

locals {
  # The baseline's own roles and policies, and the role that manages them.
  own_arns = concat(
    [for role in [var.plan_role, var.apply_role, var.break_glass_role, var.bootstrap_role] : "${local.iam}:role/${role}"],
    [for policy in [var.plan_role, "${var.apply_role}-*", var.boundary_policy] : "${local.iam}:policy/${policy}"],
  )

  guardrails = [
    {
      Sid       = "Baseline"
      Effect    = "Deny"
      NotAction = ["iam:Get*", "iam:List*"]
      Resource  = local.own_arns
    },
    {
      Sid    = "BoundaryStays"
      Effect = "Deny"
      Action = ["iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"]
      # Also for roles with other names: a role without a boundary could be given any permission.
      Resource = ["*"]
    },
    {
      Sid    = "NoPeople"
      Effect = "Deny"
      Action = [
        "iam:*AccessKey*",
        "iam:*LoginProfile*",
        "iam:*OpenIDConnectProvider*",
        "iam:*SAMLProvider*",
        "iam:AddUserToGroup",
        "iam:CreateGroup",
        "iam:CreateUser",
      ]
      Resource = ["*"]
    },
    {
      Sid    = "Account"
      Effect = "Deny"
      Action = [
        "account:AcceptPrimaryEmailUpdate",
        "account:CloseAccount",
        "account:Delete*",
        "account:DisableRegion",
        "account:EnableRegion",
        "account:Put*",
        "account:StartPrimaryEmailUpdate",
        "iam:CreateAccountAlias",
        "iam:DeleteAccountAlias",
        "iam:DeleteAccountPasswordPolicy",
        "iam:UpdateAccountPasswordPolicy",
        "organizations:*",
        "s3:PutAccountPublicAccessBlock",
      ]
      Resource = ["*"]
    },
    {
      Sid    = "StateBucket"
      Effect = "Deny"
      Action = [
        "s3:BypassGovernanceRetention",
        "s3:DeleteBucket*",
        "s3:DeleteObjectVersion",
        "s3:Put*Configuration",
        "s3:PutBucket*",
        "s3:PutObjectAcl",
        "s3:PutObjectVersionAcl",
      ]
      Resource = [local.state_arn, "${local.state_arn}/*"]
    },
  ]

  guardrails_more = [
    for actions in [sort(var.denied_actions)] : {
      Sid      = "Denied"
      Effect   = "Deny"
      Action   = actions
      Resource = ["*"]
    } if length(actions) > 0
  ]
}
