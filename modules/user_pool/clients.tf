resource "aws_cognito_user_pool_client" "this" {
  for_each = var.clients

  name                         = each.key
  user_pool_id                 = aws_cognito_user_pool.this.id
  generate_secret              = each.value.secret
  explicit_auth_flows          = [for flow in each.value.auth_flows : "ALLOW_${flow}"]
  supported_identity_providers = each.value.identity_providers
  read_attributes              = each.value.read_attributes
  write_attributes             = each.value.write_attributes

  allowed_oauth_flows_user_pool_client = length(each.value.oauth_flows) > 0
  allowed_oauth_flows                  = each.value.oauth_flows
  allowed_oauth_scopes                 = length(each.value.oauth_flows) > 0 ? each.value.oauth_scopes : []
  callback_urls                        = each.value.callback_urls
  logout_urls                          = each.value.logout_urls

  access_token_validity  = each.value.access_token_validity.value
  id_token_validity      = each.value.id_token_validity.value
  refresh_token_validity = each.value.refresh_token_validity.value

  token_validity_units {
    access_token  = each.value.access_token_validity.unit
    id_token      = each.value.id_token_validity.unit
    refresh_token = each.value.refresh_token_validity.unit
  }

  # Errors do not reveal whether a user exists.
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true

  lifecycle {
    prevent_destroy = true
  }
}
