# Groups, resource servers and identity providers. All are protected: users and clients rely on them.

resource "aws_cognito_user_group" "this" {
  for_each = var.groups

  user_pool_id = aws_cognito_user_pool.this.id
  name         = each.key
  description  = each.value.description
  precedence   = each.value.precedence
  role_arn     = each.value.role_arn

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cognito_resource_server" "this" {
  for_each = var.resource_servers

  user_pool_id = aws_cognito_user_pool.this.id
  identifier   = each.key
  name         = coalesce(each.value.name, each.key)

  dynamic "scope" {
    for_each = each.value.scopes

    content {
      scope_name        = scope.key
      scope_description = scope.value
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_ssm_parameter" "identity_provider_secret" {
  for_each = { for name, provider in var.identity_providers : name => provider.secret if provider.secret != null }

  name = each.value
}

resource "aws_cognito_identity_provider" "this" {
  for_each = var.identity_providers

  user_pool_id      = aws_cognito_user_pool.this.id
  provider_name     = each.key
  provider_type     = each.value.type
  attribute_mapping = each.value.attribute_mapping
  idp_identifiers   = each.value.identifiers

  provider_details = merge(
    each.value.details,
    each.value.secret == null ? {} : {
      (each.value.type == "SignInWithApple" ? "private_key" : "client_secret") = data.aws_ssm_parameter.identity_provider_secret[each.key].value
    },
  )

  # The secrets of an imported provider stay as they are; live/ never contains them.
  lifecycle {
    ignore_changes  = [provider_details["client_secret"], provider_details["private_key"]]
    prevent_destroy = true
  }
}
