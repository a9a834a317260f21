resource "aws_cognito_user_pool_domain" "this" {
  count = var.domain == null ? 0 : 1

  user_pool_id          = aws_cognito_user_pool.this.id
  domain                = coalesce(var.domain.name, var.names.domain)
  certificate_arn       = var.domain.certificate_arn
  managed_login_version = var.domain.managed_login_version

  lifecycle {
    prevent_destroy = true
  }
}

# A pool can have a prefix of Cognito's domain and a domain of its own at the same time.
resource "aws_cognito_user_pool_domain" "custom" {
  count = var.custom_domain == null ? 0 : 1

  user_pool_id          = aws_cognito_user_pool.this.id
  domain                = var.custom_domain.name
  certificate_arn       = var.custom_domain.certificate_arn
  managed_login_version = var.custom_domain.managed_login_version

  lifecycle {
    prevent_destroy = true
  }
}
