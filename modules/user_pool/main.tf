# The pool. Clients and the domain are in separate files. Deleting any of them loses something, so all are protected.

resource "aws_cognito_user_pool" "this" {
  name                     = var.names.pool
  username_attributes      = var.sign_in.username_attributes
  alias_attributes         = var.sign_in.alias_attributes
  auto_verified_attributes = var.auto_verified_attributes
  mfa_configuration        = var.mfa
  deletion_protection      = var.deletion_protection
  tags                     = var.tags

  user_pool_tier             = var.tier
  sms_authentication_message = var.sms_authentication_message
  email_verification_message = try(var.verification_messages.email_message, null)
  email_verification_subject = try(var.verification_messages.email_subject, null)
  sms_verification_message   = try(var.verification_messages.sms_message, null)

  dynamic "username_configuration" {
    for_each = contains(var.unset, "username_configuration") ? [] : [true]

    content {
      case_sensitive = var.sign_in.case_sensitive
    }
  }

  # Terraform iterates over a map by key, so the order of the blocks does not depend on the order in live/.
  # The limits are written unless `limits` says otherwise, because Cognito returns those that a pool was created with.
  dynamic "schema" {
    for_each = local.schema

    content {
      name                     = schema.value.name
      attribute_data_type      = local.data_types[schema.value.type]
      mutable                  = schema.value.mutable
      developer_only_attribute = schema.value.developer_only
      required                 = schema.value.required

      dynamic "string_attribute_constraints" {
        for_each = schema.value.type == "string" && schema.value.limits != "none" ? [schema.value] : []

        content {
          min_length = (
            string_attribute_constraints.value.limits == "given" && string_attribute_constraints.value.min == null
            ? "" : tostring(coalesce(string_attribute_constraints.value.min, 0))
          )
          max_length = (
            string_attribute_constraints.value.limits == "given" && string_attribute_constraints.value.max == null
            ? "" : tostring(coalesce(string_attribute_constraints.value.max, 2048))
          )
        }
      }

      dynamic "number_attribute_constraints" {
        for_each = schema.value.type == "number" && schema.value.limits != "none" ? [schema.value] : []

        content {
          # Empty, not null, because the provider reads it back so: otherwise adding one attribute would show changes of others.
          min_value = number_attribute_constraints.value.min == null ? "" : tostring(number_attribute_constraints.value.min)
          max_value = number_attribute_constraints.value.max == null ? "" : tostring(number_attribute_constraints.value.max)
        }
      }
    }
  }

  dynamic "password_policy" {
    for_each = contains(var.unset, "password_policy") ? [] : [var.password_policy]

    content {
      minimum_length                   = password_policy.value.minimum_length
      require_lowercase                = password_policy.value.require_lowercase
      require_uppercase                = password_policy.value.require_uppercase
      require_numbers                  = password_policy.value.require_numbers
      require_symbols                  = password_policy.value.require_symbols
      temporary_password_validity_days = password_policy.value.temporary_validity_days
      password_history_size            = password_policy.value.history_size
    }
  }

  dynamic "sign_in_policy" {
    for_each = var.first_factors == null ? [] : [var.first_factors]

    content {
      allowed_first_auth_factors = sign_in_policy.value
    }
  }

  dynamic "admin_create_user_config" {
    for_each = contains(var.unset, "admin_create_user_config") ? [] : [true]

    content {
      allow_admin_create_user_only = !var.self_sign_up

      dynamic "invite_message_template" {
        for_each = var.invitation == null ? [] : [var.invitation]

        content {
          email_message = invite_message_template.value.email_message
          email_subject = invite_message_template.value.email_subject
          sms_message   = invite_message_template.value.sms_message
        }
      }
    }
  }

  dynamic "account_recovery_setting" {
    for_each = length(var.account_recovery) == 0 ? [] : [var.account_recovery]

    content {
      dynamic "recovery_mechanism" {
        for_each = account_recovery_setting.value

        content {
          name     = recovery_mechanism.key
          priority = recovery_mechanism.value
        }
      }
    }
  }

  dynamic "software_token_mfa_configuration" {
    for_each = coalesce(var.software_token_mfa, var.mfa == "OFF" ? "unset" : "enabled") == "unset" ? [] : [true]

    content {
      enabled = coalesce(var.software_token_mfa, "enabled") == "enabled"
    }
  }

  dynamic "email_mfa_configuration" {
    for_each = var.email_mfa == null ? [] : [var.email_mfa]

    content {
      message = email_mfa_configuration.value.message
      subject = email_mfa_configuration.value.subject
    }
  }

  dynamic "web_authn_configuration" {
    for_each = var.passkeys == null ? [] : [var.passkeys]

    content {
      relying_party_id  = web_authn_configuration.value.relying_party_id
      user_verification = web_authn_configuration.value.user_verification
    }
  }

  dynamic "email_configuration" {
    for_each = var.email == null ? [] : [var.email]

    content {
      email_sending_account  = email_configuration.value.sending_account
      source_arn             = email_configuration.value.source_arn
      from_email_address     = email_configuration.value.from
      reply_to_email_address = email_configuration.value.reply_to
      configuration_set      = email_configuration.value.configuration_set
    }
  }

  dynamic "sms_configuration" {
    for_each = var.sms == null ? [] : [var.sms]

    content {
      sns_caller_arn = sms_configuration.value.role_arn
      external_id    = sms_configuration.value.external_id
      sns_region     = sms_configuration.value.region
    }
  }

  dynamic "verification_message_template" {
    for_each = var.verification == null ? [] : [var.verification]

    content {
      default_email_option  = verification_message_template.value.email_option
      email_message         = verification_message_template.value.email_message
      email_subject         = verification_message_template.value.email_subject
      email_message_by_link = verification_message_template.value.email_message_by_link
      email_subject_by_link = verification_message_template.value.email_subject_by_link
      sms_message           = verification_message_template.value.sms_message
    }
  }

  dynamic "device_configuration" {
    for_each = var.devices == null ? [] : [var.devices]

    content {
      challenge_required_on_new_device      = device_configuration.value.challenge_on_new_device
      device_only_remembered_on_user_prompt = device_configuration.value.remember_on_prompt
    }
  }

  dynamic "user_attribute_update_settings" {
    for_each = length(var.verify_before_update) == 0 ? [] : [var.verify_before_update]

    content {
      attributes_require_verification_before_update = user_attribute_update_settings.value
    }
  }

  dynamic "user_pool_add_ons" {
    for_each = var.threat_protection == null ? [] : [var.threat_protection]

    content {
      advanced_security_mode = user_pool_add_ons.value.mode

      dynamic "advanced_security_additional_flows" {
        for_each = user_pool_add_ons.value.custom_auth_mode == null ? [] : [user_pool_add_ons.value.custom_auth_mode]

        content {
          custom_auth_mode = advanced_security_additional_flows.value
        }
      }
    }
  }

  dynamic "lambda_config" {
    for_each = var.triggers == null ? [] : [var.triggers]

    content {
      create_auth_challenge          = lambda_config.value.create_auth_challenge
      custom_message                 = lambda_config.value.custom_message
      define_auth_challenge          = lambda_config.value.define_auth_challenge
      post_authentication            = lambda_config.value.post_authentication
      post_confirmation              = lambda_config.value.post_confirmation
      pre_authentication             = lambda_config.value.pre_authentication
      pre_sign_up                    = lambda_config.value.pre_sign_up
      pre_token_generation           = lambda_config.value.pre_token_generation
      user_migration                 = lambda_config.value.user_migration
      verify_auth_challenge_response = lambda_config.value.verify_auth_challenge_response
      kms_key_id                     = lambda_config.value.kms_key_id

      dynamic "pre_token_generation_config" {
        for_each = lambda_config.value.pre_token_generation_config[*]

        content {
          lambda_arn     = pre_token_generation_config.value.lambda_arn
          lambda_version = pre_token_generation_config.value.lambda_version
        }
      }

      dynamic "custom_email_sender" {
        for_each = lambda_config.value.custom_email_sender[*]

        content {
          lambda_arn     = custom_email_sender.value.lambda_arn
          lambda_version = custom_email_sender.value.lambda_version
        }
      }

      dynamic "custom_sms_sender" {
        for_each = lambda_config.value.custom_sms_sender[*]

        content {
          lambda_arn     = custom_sms_sender.value.lambda_arn
          lambda_version = custom_sms_sender.value.lambda_version
        }
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}
