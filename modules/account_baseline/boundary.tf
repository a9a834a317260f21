# The maximum permissions of any role of a stack, regardless of its own policies: use data, but not delete the resources that
# hold it, and access neither states nor identities.
resource "aws_iam_policy" "boundary" {
  name        = var.boundary_policy
  description = "The most that a role made by orch's stacks can do."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary })
  tags        = var.tags
}

locals {
  # Use of the data, and of users as an administrator sees them; nothing that deletes users or what holds data.
  workload_actions = [
    "cloudwatch:PutMetricData",
    "cognito-idp:AdminAddUserToGroup",
    "cognito-idp:AdminConfirmSignUp",
    "cognito-idp:AdminCreateUser",
    "cognito-idp:AdminGetUser",
    "cognito-idp:AdminInitiateAuth",
    "cognito-idp:AdminList*",
    "cognito-idp:AdminRespondToAuthChallenge",
    "cognito-idp:AdminUpdateUserAttributes",
    "cognito-idp:Describe*",
    "cognito-idp:Get*",
    "cognito-idp:List*",
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:Describe*",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:List*",
    "dynamodb:PartiQL*",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "events:PutEvents",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "lambda:InvokeFunction",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetBucketLocation",
    "s3:GetObject*",
    "s3:List*",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "sns:Publish",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "ssm:GetParameter*",
    "states:StartExecution",
    "xray:Put*",
  ]

  # Denied even if workload_actions has a wildcard that covers them; only its own name there lifts it.
  deletes_of_data = [
    "cognito-idp:AdminDeleteUser",
    "cognito-idp:AdminDeleteUserAttributes",
    "cognito-idp:AdminDisableUser",
    "cognito-idp:DeleteGroup",
    "cognito-idp:DeleteIdentityProvider",
    "cognito-idp:DeleteResourceServer",
    "cognito-idp:DeleteUserPool",
    "cognito-idp:DeleteUserPoolClient",
    "cognito-idp:DeleteUserPoolDomain",
    "dynamodb:DeleteBackup",
    "dynamodb:DeleteTable",
    "dynamodb:DeleteTableReplica",
    "s3:DeleteBucket",
    "s3:DeleteObjectVersion",
    "sqs:DeleteQueue",
    "sqs:PurgeQueue",
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
      Action = sort(concat(tolist(setsubtract(local.deletes_of_data, coalesce(var.workload_actions, []))), [
        "cognito-idp:AddCustomAttributes",
        "cognito-idp:CreateUserPool*",
        "cognito-idp:SetUserPoolMfaConfig",
        "cognito-idp:UpdateUserPool*",
        "dynamodb:CreateTable*",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
        "s3:BypassGovernanceRetention",
        "s3:CreateBucket",
        "s3:DeleteBucketPolicy",
        "s3:DeleteBucketWebsite",
        "s3:PutAccountPublicAccessBlock",
        "s3:PutBucket*",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:PutReplicationConfiguration",
        "sqs:AddPermission",
        "sqs:CreateQueue",
        "sqs:SetQueueAttributes",
      ]))
      Resource = ["*"]
    },
  ]
}
