mock_provider "aws" {
  override_during = plan

  mock_resource "aws_cognito_user_pool" {
    defaults = {
      id       = "eu-west-1_Abc123"
      arn      = "arn:aws:cognito-idp:eu-west-1:111111111111:userpool/eu-west-1_Abc123"
      endpoint = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc123"
    }
  }

  mock_resource "aws_cognito_user_pool_client" {
    defaults = {
      id            = "client1"
      client_secret = "not-a-secret"
    }
  }
}

variables {
  names   = { pool = "ams-prod-identity", domain = "ams-prod-identity" }
  sign_in = { username_attributes = ["email"] }

  clients = {
    web = {
      oauth_flows            = ["code"]
      callback_urls          = ["https://app.example.com/signed-in", "http://localhost:3000", "com.example.app://signed-in"]
      refresh_token_validity = { value = 12, unit = "hours" }
    }
    batch = {
      secret       = true
      oauth_flows  = ["client_credentials"]
      oauth_scopes = ["tasks/write"]
    }
  }
}

run "is_protected_unless_told_otherwise" {
  command = plan

  assert {
    condition     = aws_cognito_user_pool.this.deletion_protection == "ACTIVE"
    error_message = "a pool must refuse its deletion by default"
  }

  assert {
    condition     = aws_cognito_user_pool.this.admin_create_user_config[0].allow_admin_create_user_only
    error_message = "nobody may register without being let"
  }

  assert {
    condition     = output.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc123"
    error_message = "the issuer is the pool's address with https"
  }

  # What the module writes for pools that it made in earlier versions: another value would change them.
  assert {
    condition = jsonencode([
      aws_cognito_user_pool.this.username_configuration[*].case_sensitive,
      aws_cognito_user_pool.this.software_token_mfa_configuration[*].enabled,
      [for way in aws_cognito_user_pool.this.account_recovery_setting[0].recovery_mechanism : [way.name, way.priority]],
      [for client in aws_cognito_user_pool_client.this : [client.generate_secret, client.prevent_user_existence_errors]],
      [for client in aws_cognito_user_pool_client.this : client.enable_token_revocation],
      length(aws_cognito_user_pool.this.email_configuration),
      length(aws_cognito_user_pool.this.lambda_config),
      ]) == jsonencode([
      [false], [true], [["verified_email", 1]], [[true, "ENABLED"], [false, "ENABLED"]], [true, true], 0, 0,
    ])
    error_message = "the defaults are those of earlier versions"
  }

  assert {
    condition     = output.domain == null && length(aws_cognito_user_pool_domain.this) == 0
    error_message = "without domain there is none"
  }
}

run "writes_every_bound_of_an_attribute" {
  command = plan

  variables {
    attributes = {
      company = { max = 64 }
      age     = { type = "number", min = 0 }
      since   = { type = "datetime", mutable = false }
    }
  }

  assert {
    condition = jsonencode({
      for attribute in aws_cognito_user_pool.this.schema :
      attribute.name => [for bounds in attribute.string_attribute_constraints : [bounds.min_length, bounds.max_length]]
    }) == jsonencode({ company = [["0", "64"]], age = [], since = [] })
    error_message = "a string has both bounds, anything else has no bounds of a string"
  }

  assert {
    condition = jsonencode({
      for attribute in aws_cognito_user_pool.this.schema :
      attribute.name => [for bounds in attribute.number_attribute_constraints : [bounds.min_value, bounds.max_value]]
    }) == jsonencode({ company = [], age = [["0", ""]], since = [] })
    error_message = "a number has both bounds, empty where there is none"
  }

  assert {
    condition = jsonencode({
      for attribute in aws_cognito_user_pool.this.schema : attribute.name => "${attribute.attribute_data_type} ${attribute.mutable}"
    }) == jsonencode({ company = "String true", age = "Number true", since = "DateTime false" })
    error_message = "types are spelled as Cognito spells them"
  }
}

run "gives_each_client_its_flows_and_validities" {
  command = plan

  assert {
    condition     = output.client_ids == { web = "client1", batch = "client1" }
    error_message = "client_ids has every client"
  }

  assert {
    condition     = keys(output.client_secrets) == ["batch"]
    error_message = "client_secrets has the clients with a secret only"
  }

  assert {
    condition = (
      aws_cognito_user_pool_client.this["web"].refresh_token_validity == 12
      && aws_cognito_user_pool_client.this["web"].token_validity_units[0].refresh_token == "hours"
      && aws_cognito_user_pool_client.this["web"].token_validity_units[0].access_token == "minutes"
    )
    error_message = "each validity has its unit"
  }

  assert {
    condition     = aws_cognito_user_pool_client.this["web"].explicit_auth_flows == toset(["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"])
    error_message = "auth_flows get the prefix that Cognito wants"
  }
}

run "takes_a_domain_of_cognito" {
  command = plan

  variables {
    domain = {}
  }

  assert {
    condition     = output.domain == "ams-prod-identity.auth.eu-west-1.amazoncognito.com"
    error_message = "a prefix is completed to a host"
  }
}

run "takes_a_domain_of_its_own" {
  command = plan

  variables {
    domain = {
      name            = "login.example.com"
      certificate_arn = "arn:aws:acm:us-east-1:111111111111:certificate/1"
    }
  }

  assert {
    condition     = output.domain == "login.example.com"
    error_message = "a name with dots is the host itself"
  }
}

run "leaves_out_what_an_imported_pool_does_not_have" {
  command = plan

  variables {
    unset              = ["admin_create_user_config", "password_policy", "username_configuration"]
    account_recovery   = {}
    software_token_mfa = "unset"
    attributes         = { plan = { limits = "given" }, size = { type = "number", limits = "given" }, free = { limits = "none" } }

    clients = {
      old = {
        name              = "old one"
        legacy_auth_flows = ["ADMIN_NO_SRP_AUTH"]
        auth_flows        = []

        access_token_validity = { value = 2, unit = "hours" }
        id_token_validity     = { unit = "hours" }

        unset = ["generate_secret", "identity_providers", "prevent_user_existence_errors", "token_revocation", "token_validity_units"]
      }
    }
  }

  assert {
    condition = jsonencode({
      for attribute in aws_cognito_user_pool.this.schema : attribute.name => [
        [for limits in attribute.string_attribute_constraints : [limits.min_length, limits.max_length]],
        [for limits in attribute.number_attribute_constraints : [limits.min_value, limits.max_value]],
      ]
    }) == jsonencode({ plan = [[["", ""]], []], size = [[], [["", ""]]], free = [[], []] })
    error_message = "limits are written as they are given, or not at all"
  }

  assert {
    condition = (
      length(aws_cognito_user_pool.this.username_configuration) == 0
      && length(aws_cognito_user_pool.this.account_recovery_setting) == 0
      && length(aws_cognito_user_pool.this.software_token_mfa_configuration) == 0
    )
    error_message = "blocks of the pool are left out"
  }

  assert {
    condition = (
      aws_cognito_user_pool_client.this["old"].name == "old one"
      && aws_cognito_user_pool_client.this["old"].generate_secret == null
      && aws_cognito_user_pool_client.this["old"].explicit_auth_flows == toset(["ADMIN_NO_SRP_AUTH"])
      && length(aws_cognito_user_pool_client.this["old"].token_validity_units) == 0
    )
    error_message = "arguments of a client are left out"
  }
}

run "makes_groups_resource_servers_and_identity_providers" {
  command = plan

  variables {
    custom_domain    = { name = "login.example.com", certificate_arn = "arn:aws:acm:us-east-1:111111111111:certificate/1" }
    groups           = { admins = { description = "Who may", precedence = 1 } }
    resource_servers = { "https://api.example.com" = { name = "API", scopes = { read = "Read" } } }

    identity_providers = {
      Google = { type = "Google", details = { client_id = "id" }, attribute_mapping = { email = "email" } }
    }
  }

  assert {
    condition = (
      aws_cognito_user_group.this["admins"].precedence == 1
      && aws_cognito_resource_server.this["https://api.example.com"].name == "API"
      && aws_cognito_identity_provider.this["Google"].provider_details.client_id == "id"
      && length(aws_cognito_user_pool_domain.custom) == 1
    )
    error_message = "each has its settings"
  }
}

run "refuses_unknown_words" {
  command = plan

  variables {
    names                    = { pool = "ams/prod" }
    mfa                      = "YES"
    deletion_protection      = "on"
    auto_verified_attributes = ["name"]
    email                    = { source_arn = "noreply@example.com" }
    password_policy          = { minimum_length = 5 }
    unset                    = ["name"]
    software_token_mfa       = "on"
    standard_attributes      = { email = { limits = "some" } }
    identity_providers       = { Google = { type = "Google", details = { client_secret = "not-a-secret" } } }
  }

  expect_failures = [
    var.names, var.mfa, var.deletion_protection, var.auto_verified_attributes, var.email, var.password_policy, var.unset,
    var.software_token_mfa, var.standard_attributes, var.identity_providers,
  ]
}

run "refuses_attributes_that_cognito_would" {
  command = plan

  variables {
    sign_in    = { username_attributes = ["email"], alias_attributes = ["email"] }
    domain     = { name = "login.example.com" }
    attributes = { age = { type = "number" } }
    clients    = { web = { oauth_flows = ["code"] } }
  }

  expect_failures = [var.sign_in, var.domain, var.attributes, var.clients]
}

run "refuses_bounds_upside_down_and_plain_http" {
  command = plan

  variables {
    attributes = { company = { min = 9, max = 3 } }
    clients    = { web = { oauth_flows = ["code"], callback_urls = ["http://app.example.com"], unset = ["name"] } }
    domain     = { name = "aws-login" }
  }

  expect_failures = [var.attributes, var.clients, var.domain]
}

run "refuses_tokens_that_live_too_long" {
  command = plan

  variables {
    clients = { web = { access_token_validity = { value = 2, unit = "days" } } }
  }

  expect_failures = [var.clients]
}
