resource "aws_cognito_user_pool_client" "this" {
  for_each = var.clients

  name                         = coalesce(each.value.name, each.key)
  user_pool_id                 = aws_cognito_user_pool.this.id
  generate_secret              = contains(each.value.unset, "generate_secret") ? null : each.value.secret
  supported_identity_providers = contains(each.value.unset, "identity_providers") ? null : each.value.identity_providers
  read_attributes              = each.value.read_attributes
  write_attributes             = each.value.write_attributes

  explicit_auth_flows = (
    contains(each.value.unset, "auth_flows") ? null
    : setunion([for flow in each.value.auth_flows : "ALLOW_${flow}"], each.value.legacy_auth_flows)
  )

  allowed_oauth_flows_user_pool_client = coalesce(each.value.oauth, length(each.value.oauth_flows) > 0)
  allowed_oauth_flows                  = each.value.oauth_flows
  allowed_oauth_scopes                 = length(each.value.oauth_flows) > 0 ? each.value.oauth_scopes : []
  callback_urls                        = each.value.callback_urls
  logout_urls                          = each.value.logout_urls
  default_redirect_uri                 = each.value.default_redirect_uri

  access_token_validity  = each.value.access_token_validity.value
  id_token_validity      = each.value.id_token_validity.value
  refresh_token_validity = each.value.refresh_token_validity.value
  auth_session_validity  = each.value.auth_session_validity

  dynamic "token_validity_units" {
    for_each = contains(each.value.unset, "token_validity_units") ? [] : [true]

    content {
      access_token  = each.value.access_token_validity.unit
      id_token      = each.value.id_token_validity.unit
      refresh_token = each.value.refresh_token_validity.unit
    }
  }

  dynamic "refresh_token_rotation" {
    for_each = each.value.refresh_token_rotation[*]

    content {
      feature                    = refresh_token_rotation.value.feature
      retry_grace_period_seconds = refresh_token_rotation.value.retry_grace_period_seconds
    }
  }

  dynamic "analytics_configuration" {
    for_each = each.value.analytics[*]

    content {
      application_arn  = analytics_configuration.value.application_arn
      application_id   = analytics_configuration.value.application_id
      external_id      = analytics_configuration.value.external_id
      role_arn         = analytics_configuration.value.role_arn
      user_data_shared = analytics_configuration.value.user_data_shared
    }
  }

  # By default, errors do not reveal whether a user exists.
  prevent_user_existence_errors = (
    contains(each.value.unset, "prevent_user_existence_errors") ? null : each.value.prevent_user_existence_errors
  )
  enable_token_revocation                       = contains(each.value.unset, "token_revocation") ? null : each.value.token_revocation
  enable_propagate_additional_user_context_data = each.value.propagate_user_context

  # A client can only name identity providers and scopes that exist.
  depends_on = [aws_cognito_identity_provider.this, aws_cognito_resource_server.this]

  lifecycle {
    prevent_destroy = true
  }
}
