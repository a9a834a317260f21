# What orch can change: resources in this account whose names start with name_prefix. AWS chooses the IDs of user pools and
# APIs, so for them the account is the limit.
resource "aws_iam_policy" "change" {
  name        = "${var.apply_role}-change"
  description = "What orch changes."
  policy      = jsonencode({ Version = "2012-10-17", Statement = concat(local.change, local.change_more) })
  tags        = var.tags
}

# Roles of stacks: only with the permissions boundary and the name prefix.
resource "aws_iam_policy" "roles" {
  name        = "${var.apply_role}-roles"
  description = "How orch makes roles for stacks: bounded, named, and handed to few services."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.roles })
  tags        = var.tags
}

locals {
  prefix = "${var.name_prefix}-"

  # ARNs of resources that were adopted with other names.
  adopted = {
    tables     = [for name in sort(var.adopted_names.table) : "arn:${local.partition}:dynamodb:*:${var.account_id}:table/${name}"]
    buckets    = [for name in sort(var.adopted_names.bucket) : "arn:${local.partition}:s3:::${name}"]
    queues     = [for name in sort(var.adopted_names.queue) : "arn:${local.partition}:sqs:*:${var.account_id}:${name}"]
    functions  = [for name in sort(var.adopted_names.function) : "arn:${local.partition}:lambda:*:${var.account_id}:function:${name}"]
    log_groups = [for name in sort(var.adopted_names.log_group) : "arn:${local.partition}:logs:*:${var.account_id}:log-group:${name}"]
    roles      = [for name in sort(var.adopted_names.role) : "${local.iam}:role/${name}"]
    policies   = [for name in sort(var.adopted_names.policy) : "${local.iam}:policy/${name}"]
  }

  change = [
    {
      Sid      = "WriteStates"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["${local.state_arn}/*"]
    },
    {
      Sid      = "ReleaseLocks"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = ["${local.state_arn}/*.tflock"]
    },
    {
      Sid    = "Pools"
      Effect = "Allow"
      Action = [
        "cognito-idp:AddCustomAttributes",
        "cognito-idp:Create*",
        "cognito-idp:Delete*",
        "cognito-idp:Set*",
        "cognito-idp:TagResource",
        "cognito-idp:UntagResource",
        "cognito-idp:Update*",
      ]
      Resource = ["*"]
    },
    {
      Sid    = "Tables"
      Effect = "Allow"
      Action = [
        "dynamodb:Create*",
        "dynamodb:DeleteResourcePolicy",
        "dynamodb:DeleteTable",
        "dynamodb:PutResourcePolicy",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
      ]
      Resource = concat(
        ["arn:${local.partition}:dynamodb:*:${var.account_id}:table/${local.prefix}*"],
        local.adopted.tables,
        [for arn in local.adopted.tables : "${arn}/*"],
      )
    },
    {
      Sid    = "Buckets"
      Effect = "Allow"
      Action = [
        "s3:CreateBucket",
        "s3:DeleteBucket",
        "s3:DeleteBucketPolicy",
        "s3:PutAccelerateConfiguration",
        "s3:PutBucket*",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:PutReplicationConfiguration",
      ]
      Resource = concat(["arn:${local.partition}:s3:::${local.prefix}*"], local.adopted.buckets)
    },
    {
      Sid    = "Queues"
      Effect = "Allow"
      Action = [
        "sqs:AddPermission",
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:RemovePermission",
        "sqs:SetQueueAttributes",
        "sqs:TagQueue",
        "sqs:UntagQueue",
      ]
      Resource = concat(["arn:${local.partition}:sqs:*:${var.account_id}:${local.prefix}*"], local.adopted.queues)
    },
    {
      Sid    = "Functions"
      Effect = "Allow"
      Action = [
        "lambda:AddPermission",
        "lambda:Create*",
        "lambda:Delete*",
        "lambda:Publish*",
        "lambda:Put*",
        "lambda:RemovePermission",
        "lambda:TagResource",
        "lambda:UntagResource",
        "lambda:Update*",
      ]
      Resource = concat(
        ["arn:${local.partition}:lambda:*:${var.account_id}:function:${local.prefix}*"],
        local.adopted.functions,
        [for arn in local.adopted.functions : "${arn}:*"],
      )
    },
    {
      Sid      = "Apis"
      Effect   = "Allow"
      Action   = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT", "apigateway:TagResource"]
      Resource = [for path in ["/apis", "/apis/*", "/tags/*"] : "arn:${local.partition}:apigateway:*::${path}"]
    },
    {
      Sid    = "LogGroups"
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DeleteRetentionPolicy",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "logs:UntagResource",
      ]
      Resource = concat(
        [
          for name in [local.prefix, "/aws/lambda/${local.prefix}"] :
          "arn:${local.partition}:logs:*:${var.account_id}:log-group:${name}*"
        ],
        local.adopted.log_groups,
        [for arn in local.adopted.log_groups : "${arn}:*"],
      )
    },
  ]

  change_more = [
    for actions in [sort(var.apply_actions)] : {
      Sid      = "More"
      Effect   = "Allow"
      Action   = actions
      Resource = ["*"]
    } if length(actions) > 0
  ]

  roles = [
    {
      Sid    = "BoundedRoles"
      Effect = "Allow"
      Action = [
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
      ]
      Resource  = concat(["${local.iam}:role/${local.prefix}*"], local.adopted.roles)
      Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
    },
    {
      Sid    = "NamedRoles"
      Effect = "Allow"
      Action = [
        "iam:DeleteRole",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
      ]
      Resource = concat(["${local.iam}:role/${local.prefix}*"], local.adopted.roles)
    },
    {
      Sid    = "NamedPolicies"
      Effect = "Allow"
      Action = [
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:TagPolicy",
        "iam:UntagPolicy",
      ]
      Resource = concat(["${local.iam}:policy/${local.prefix}*"], local.adopted.policies)
    },
    {
      Sid       = "HandRoles"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = concat(["${local.iam}:role/${local.prefix}*"], local.adopted.roles)
      Condition = { StringEquals = { "iam:PassedToService" = sort(var.passed_to_services) } }
    },
  ]
}
