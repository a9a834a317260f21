# What orch backs up before it changes a protected resource: users and groups of a pool, a backup of a table, a snapshot of a
# database. The file with a pool's users is also stored in the state bucket, below copies/; no role here can read it there.
resource "aws_iam_policy" "copies" {
  name        = "${var.apply_role}-copies"
  description = "Safety copies that orch makes before it changes what is protected."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.copies })
  tags        = var.tags
}

locals {
  copies = [
    {
      Sid      = "Users"
      Effect   = "Allow"
      Action   = ["cognito-idp:ListUsers", "cognito-idp:ListUsersInGroup"]
      Resource = ["*"]
    },
    {
      Sid      = "Backups"
      Effect   = "Allow"
      Action   = ["dynamodb:CreateBackup"]
      Resource = concat(["arn:${local.partition}:dynamodb:*:${var.account_id}:table/${local.prefix}*"], local.adopted.tables)
    },
    {
      Sid    = "Snapshots"
      Effect = "Allow"
      Action = ["rds:AddTagsToResource", "rds:CreateDBClusterSnapshot", "rds:CreateDBSnapshot"]
      Resource = [
        for name in ["cluster:${local.prefix}", "db:${local.prefix}", "cluster-snapshot:orch-", "snapshot:orch-"] :
        "arn:${local.partition}:rds:*:${var.account_id}:${name}*"
      ]
    },
    {
      Sid      = "LookAtSnapshots"
      Effect   = "Allow"
      Action   = ["rds:DescribeDBClusterSnapshots", "rds:DescribeDBSnapshots"]
      Resource = ["*"]
    },
  ]
}
