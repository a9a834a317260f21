# The function can write its own log and use the resources in its inputs. The policy always exists: its number of
# statements can depend on outputs of units that are not applied yet; the number of resources cannot.
resource "aws_iam_role" "this" {
  name                 = var.names.role
  permissions_boundary = var.boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "lambda.amazonaws.com" }
      },
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "service"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.allow_log,
      local.allow_tables,
      local.allow_buckets,
      local.allow_queue,
      local.allow_secrets,
    )
  })
}

locals {
  allow_log = [
    {
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
    },
  ]

  table_arns = sort([for table in values(var.tables) : table.arn])

  allow_tables = [
    for arns in [local.table_arns] : {
      Sid    = "Tables"
      Effect = "Allow"
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
      ]
      Resource = flatten([for arn in arns : [arn, "${arn}/index/*"]])
    } if length(arns) > 0
  ]

  allow_buckets = [
    for key, bucket in var.buckets : {
      Sid    = "Bucket${substr(sha256(key), 0, 8)}"
      Effect = "Allow"
      Action = concat(
        ["s3:GetObject", "s3:ListBucket"],
        bucket.access == "write" ? ["s3:DeleteObject", "s3:PutObject"] : [],
      )
      Resource = [bucket.arn, "${bucket.arn}/*"]
    }
  ]

  allow_queue = [
    for arn in [var.bpm_queue] : {
      Sid      = "Queue"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = [arn]
    } if arn != null
  ]

  parameter_arns = sort([for arn in var.secret_arns : arn if strcontains(arn, ":parameter/")])
  manager_arns   = sort(setsubtract(var.secret_arns, local.parameter_arns))

  allow_secrets = [
    for each in [
      { sid = "Parameters", action = "ssm:GetParameter", arns = local.parameter_arns },
      { sid = "Secrets", action = "secretsmanager:GetSecretValue", arns = local.manager_arns },
    ] : { Sid = each.sid, Effect = "Allow", Action = [each.action], Resource = each.arns } if length(each.arns) > 0
  ]
}
