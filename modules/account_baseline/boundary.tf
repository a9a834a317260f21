# The maximum permissions of any role of a stack, regardless of its own policies: use data, but not delete the resources that
# hold it, and access neither states nor identities.
resource "aws_iam_policy" "boundary" {
  name        = var.boundary_policy
  description = "The most that a role made by orch's stacks can do."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary })
  tags        = var.tags
}

locals {
  workload_actions = [
    "cloudwatch:PutMetricData",
    "cognito-idp:*",
    "dynamodb:*",
    "events:PutEvents",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "lambda:InvokeFunction",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:*",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "sns:Publish",
    "sqs:*",
    "ssm:GetParameter*",
    "states:StartExecution",
    "xray:Put*",
  ]

  boundary = [
    {
      Sid      = "Workload"
      Effect   = "Allow"
      Action   = sort(coalesce(var.workload_actions, local.workload_actions))
      Resource = ["*"]
    },
    {
      Sid      = "States"
      Effect   = "Deny"
      Action   = ["s3:*"]
      Resource = [local.state_arn, "${local.state_arn}/*"]
    },
    {
      Sid    = "WhatHoldsData"
      Effect = "Deny"
      Action = [
        "cognito-idp:AddCustomAttributes",
        "cognito-idp:CreateUserPool*",
        "cognito-idp:DeleteUserPool*",
        "cognito-idp:SetUserPoolMfaConfig",
        "cognito-idp:UpdateUserPool*",
        "dynamodb:CreateTable*",
        "dynamodb:DeleteBackup",
        "dynamodb:DeleteTable*",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "s3:BypassGovernanceRetention",
        "s3:CreateBucket",
        "s3:DeleteBucket*",
        "s3:PutAccountPublicAccessBlock",
        "s3:PutBucket*",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:PutReplicationConfiguration",
        "sqs:AddPermission",
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:SetQueueAttributes",
      ]
      Resource = ["*"]
    },
  ]
}
