# Disposable stages are destroyed with what is in them. Only the break-glass role empties a bucket, and never the state bucket.
resource "aws_iam_policy" "empty" {
  count = var.disposable_stages ? 1 : 0

  name        = "${var.apply_role}-empty"
  description = "How orch empties the buckets of disposable stages, under the break-glass role."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.empty })
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "empty" {
  count = var.disposable_stages ? 1 : 0

  role       = aws_iam_role.break_glass.name
  policy_arn = aws_iam_policy.empty[0].arn
}

locals {
  empty = [
    {
      Sid    = "EmptyBuckets"
      Effect = "Allow"
      Action = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"]
      Resource = [
        "arn:${local.partition}:s3:::${local.prefix}*",
        "arn:${local.partition}:s3:::${local.prefix}*/*",
      ]
    },
    {
      # All that orch keeps there but the locks, which every apply releases. The guardrails deny the versions.
      Sid      = "StatesStay"
      Effect   = "Deny"
      Action   = ["s3:DeleteObject"]
      Resource = [for keys in ["*.tfstate", "*.json", "copies/*"] : "${local.state_arn}/${keys}"]
    },
  ]
}
