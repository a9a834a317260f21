resource "aws_cognito_user_pool_domain" "this" {
  count = var.domain == null ? 0 : 1

  user_pool_id    = aws_cognito_user_pool.this.id
  domain          = coalesce(var.domain.name, var.names.domain)
  certificate_arn = var.domain.certificate_arn

  lifecycle {
    prevent_destroy = true
  }
}
