# What Terraform reads to plan the modules here, and nothing more: no items of tables, no objects of buckets (except states),
# no users of pools, no log events, no secrets. It writes nothing, not even a lock.
resource "aws_iam_policy" "look" {
  name        = var.plan_role
  description = "What orch looks at, under the plan and the apply role."
  policy      = jsonencode({ Version = "2012-10-17", Statement = concat(local.look, local.look_secrets, local.look_work) })
  tags        = var.tags
}

locals {
  look_actions = [
    "account:GetAlternateContact",
    "apigateway:GET",
    "cognito-idp:Describe*",
    "cognito-idp:GetGroup",
    "cognito-idp:GetLogDeliveryConfiguration",
    "cognito-idp:GetUICustomization",
    "cognito-idp:GetUserPoolMfaConfig",
    "cognito-idp:ListGroups",
    "cognito-idp:ListIdentityProviders",
    "cognito-idp:ListResourceServers",
    "cognito-idp:ListTagsForResource",
    "cognito-idp:ListUserPoolClients",
    "cognito-idp:ListUserPools",
    "dynamodb:Describe*",
    "dynamodb:GetResourcePolicy",
    "dynamodb:ListBackups",
    "dynamodb:ListTables",
    "dynamodb:ListTagsOfResource",
    "iam:GetAccountPasswordPolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
    "iam:ListPolicies",
    "iam:ListPolicyTags",
    "iam:ListPolicyVersions",
    "iam:ListRolePolicies",
    "iam:ListRoles",
    "iam:ListRoleTags",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListAliases",
    "kms:ListResourceTags",
    "lambda:Get*",
    "lambda:List*",
    "logs:DescribeLogGroups",
    "logs:ListTagsForResource",
    "logs:ListTagsLogGroup",
    "s3:GetAccelerateConfiguration",
    "s3:GetAccountPublicAccessBlock",
    "s3:GetBucket*",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListAllMyBuckets",
    # For every bucket: the provider considers a bucket that it cannot list deleted, and plans to create it again.
    "s3:ListBucket",
    "s3:ListTagsForResource",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:ListSecrets",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ListDeadLetterSourceQueues",
    "sqs:ListQueues",
    "sqs:ListQueueTags",
    "ssm:DescribeParameters",
    "ssm:ListTagsForResource",
    "sts:GetCallerIdentity",
    "tag:GetResources",
  ]

  # What orch counts before it is lost, and whether AWS would refuse to delete it: numbers and ids, no contents. The members of
  # a group are not among it: they cannot be listed without their attributes.
  look_counts = [
    "backup:DescribeBackupVault",
    "cloudformation:ListStackInstances",
    "cloudformation:ListStackResources",
    "cognito-identity:ListIdentities",
    "ecr:ListImages",
    "elasticfilesystem:DescribeFileSystems",
    "glacier:DescribeVault",
    "iam:ListAccessKeys",
    "route53:GetHostedZone",
    "s3:ListBucketVersions",
  ]

  look = [
    {
      Sid      = "Look"
      Effect   = "Allow"
      Action   = sort(distinct(concat(local.look_actions, local.look_counts, tolist(var.plan_actions))))
      Resource = "*"
    },
    {
      Sid      = "ReadStates"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${local.state_keys}*"]
    },
    {
      # Backups contain user data (copies.tf): orch writes them, and reading them requires other permissions.
      Sid      = "NoCopies"
      Effect   = "Deny"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${local.state_keys}copies/*"]
    },
  ]

  # The only things that the plan role can write, and only where they are wanted: what a run and its workers exchange, and
  # plans that wait for their approval.
  look_work = [
    for each in [
      { sid = "ExchangeWork", wanted = var.workers, actions = ["s3:DeleteObject", "s3:PutObject"], keys = "work/*" },
      { sid = "StorePlans", wanted = var.stored_plans, actions = ["s3:PutObject"], keys = "plans/*" },
      ] : {
      Sid      = each.sid
      Effect   = "Allow"
      Action   = each.actions
      Resource = ["${local.state_keys}${each.keys}"]
    } if each.wanted
  ]

  # arn:aws:ssm:REGION:ACCOUNT:parameter/ams/prod/key is the parameter /ams/prod/key.
  look_secrets = [
    for each in [
      { sid = "ReadParameters", actions = ["ssm:GetParameter", "ssm:GetParameters"], arn = "ssm:*:${var.account_id}:parameter/" },
      { sid = "ReadSecrets", actions = ["secretsmanager:GetSecretValue"], arn = "secretsmanager:*:${var.account_id}:secret:" },
      ] : {
      Sid    = each.sid
      Effect = "Allow"
      Action = each.actions
      Resource = [
        for prefix in sort(var.secret_prefixes) :
        "arn:${local.partition}:${each.arn}${each.sid == "ReadParameters" ? trimprefix(prefix, "/") : prefix}*"
      ]
    } if length(var.secret_prefixes) > 0
  ]
}
