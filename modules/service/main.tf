# The default log group of the function, where people look first.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.names.function}"
  retention_in_days = var.log_retention_days
  tags              = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_lambda_function" "this" {
  function_name    = var.names.function
  role             = aws_iam_role.this.arn
  filename         = var.archive
  source_code_hash = filebase64sha256(var.archive)
  handler          = var.handler
  runtime          = var.runtime
  architectures    = [var.architecture]
  memory_size      = var.memory
  timeout          = var.timeout
  tags             = var.tags

  environment {
    variables = merge(
      { USER_POOL_ID = local.pool_id },
      { for name, value in var.environment : name => value if value != null },
    )
  }

  # Without its permissions, the first call of a new function fails. Without the log group, Lambda creates one that keeps
  # logs forever.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]
}
