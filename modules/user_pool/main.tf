# The pool. Clients and the domain are in separate files. Deleting any of them loses something, so all are protected.

resource "aws_cognito_user_pool" "this" {
  name                     = var.names.pool
  username_attributes      = var.sign_in.username_attributes
  alias_attributes         = var.sign_in.alias_attributes
  auto_verified_attributes = var.auto_verified_attributes
  mfa_configuration        = var.mfa
  deletion_protection      = var.deletion_protection
  tags                     = var.tags

  username_configuration {
    case_sensitive = var.sign_in.case_sensitive
  }

  # Terraform iterates over a map by key, so the order of the blocks does not depend on the order in live/.
  # The limits are always written, because Cognito always returns them: otherwise each plan would show a change.
  dynamic "schema" {
    for_each = var.attributes

    content {
      name                     = schema.key
      attribute_data_type      = local.data_types[schema.value.type]
      mutable                  = schema.value.mutable
      developer_only_attribute = schema.value.developer_only
      required                 = false

      dynamic "string_attribute_constraints" {
        for_each = schema.value.type == "string" ? [schema.value] : []

        content {
          min_length = tostring(coalesce(string_attribute_constraints.value.min, 0))
          max_length = tostring(coalesce(string_attribute_constraints.value.max, 2048))
        }
      }

      dynamic "number_attribute_constraints" {
        for_each = schema.value.type == "number" ? [schema.value] : []

        content {
          # Empty, not null, because the provider reads it back so: otherwise adding one attribute would show changes of others.
          min_value = number_attribute_constraints.value.min == null ? "" : tostring(number_attribute_constraints.value.min)
          max_value = number_attribute_constraints.value.max == null ? "" : tostring(number_attribute_constraints.value.max)
        }
      }
    }
  }

  password_policy {
    minimum_length                   = var.password_policy.minimum_length
    require_lowercase                = var.password_policy.require_lowercase
    require_uppercase                = var.password_policy.require_uppercase
    require_numbers                  = var.password_policy.require_numbers
    require_symbols                  = var.password_policy.require_symbols
    temporary_password_validity_days = var.password_policy.temporary_validity_days
  }

  admin_create_user_config {
    allow_admin_create_user_only = !var.self_sign_up
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  dynamic "software_token_mfa_configuration" {
    for_each = var.mfa == "OFF" ? [] : [true]

    content {
      enabled = true
    }
  }

  dynamic "email_configuration" {
    for_each = var.email == null ? [] : [var.email]

    content {
      email_sending_account  = "DEVELOPER"
      source_arn             = email_configuration.value.source_arn
      from_email_address     = email_configuration.value.from
      reply_to_email_address = email_configuration.value.reply_to
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}
