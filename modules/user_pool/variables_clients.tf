variable "clients" {
  description = <<-EOT
    App clients: name -> settings. `auth_flows` are written without the prefix ALLOW_. `oauth_flows` (code, implicit,
    client_credentials) enable the hosted pages and require `callback_urls`. Validities have a value and a unit (seconds,
    minutes, hours, days). With `secret`, see the output client_secrets; changing it replaces the client. `name` is for
    clients that are named alike. `unset` leaves out arguments that an imported client does not have, although there is a
    default: auth_flows, generate_secret, identity_providers, prevent_user_existence_errors, token_revocation,
    token_validity_units.
  EOT
  default     = {}
  nullable    = false

  type = map(object({
    name                   = optional(string)
    secret                 = optional(bool, false)
    auth_flows             = optional(set(string), ["USER_SRP_AUTH", "REFRESH_TOKEN_AUTH"])
    legacy_auth_flows      = optional(set(string), [])
    oauth                  = optional(bool)
    oauth_flows            = optional(set(string), [])
    oauth_scopes           = optional(set(string), ["openid", "email", "profile"])
    callback_urls          = optional(set(string), [])
    logout_urls            = optional(set(string), [])
    identity_providers     = optional(set(string), ["COGNITO"])
    read_attributes        = optional(set(string))
    write_attributes       = optional(set(string))
    access_token_validity  = optional(object({ value = optional(number), unit = string }), { value = 60, unit = "minutes" })
    id_token_validity      = optional(object({ value = optional(number), unit = string }), { value = 60, unit = "minutes" })
    refresh_token_validity = optional(object({ value = optional(number), unit = string }), { value = 30, unit = "days" })
    auth_session_validity  = optional(number)
    default_redirect_uri   = optional(string)

    prevent_user_existence_errors = optional(string, "ENABLED")
    token_revocation              = optional(bool, true)
    propagate_user_context        = optional(bool)
    refresh_token_rotation        = optional(object({ feature = string, retry_grace_period_seconds = optional(number) }))

    analytics = optional(object({
      application_arn  = optional(string)
      application_id   = optional(string)
      external_id      = optional(string)
      role_arn         = optional(string)
      user_data_shared = optional(bool)
    }))

    unset = optional(set(string), [])
  }))

  validation {
    condition     = alltrue([for name in keys(var.clients) : can(regex("^[\\w\\s+=,.@-]{1,128}$", name))])
    error_message = "The name of a client must have 1 to 128 characters: letters, digits, spaces and +=,.@-_."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for flow in client.auth_flows : contains([
          "ADMIN_USER_PASSWORD_AUTH", "CUSTOM_AUTH", "REFRESH_TOKEN_AUTH", "USER_AUTH", "USER_PASSWORD_AUTH", "USER_SRP_AUTH",
        ], flow)
      ]
    ]))
    error_message = <<-EOT
      auth_flows must be ADMIN_USER_PASSWORD_AUTH, CUSTOM_AUTH, REFRESH_TOKEN_AUTH, USER_AUTH, USER_PASSWORD_AUTH or
      USER_SRP_AUTH.
    EOT
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) :
      length(setsubtract(client.oauth_flows, ["code", "implicit", "client_credentials"])) == 0
    ])
    error_message = "oauth_flows must be code, implicit or client_credentials."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) :
      length(setintersection(client.oauth_flows, ["code", "implicit"])) == 0 || length(client.callback_urls) > 0
    ])
    error_message = "A client with the OAuth flow code or implicit requires callback_urls."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) : length(setsubtract(client.unset, [
        "auth_flows", "generate_secret", "identity_providers", "prevent_user_existence_errors", "token_revocation",
        "token_validity_units",
      ])) == 0
    ])
    error_message = "unset of a client has an argument that cannot be left out."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) : !contains(client.oauth_flows, "client_credentials") || client.secret
    ])
    error_message = "The OAuth flow client_credentials requires secret = true."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for url in setunion(client.callback_urls, client.logout_urls) :
        startswith(url, "http:") ? can(regex("^http://(localhost|127\\.0\\.0\\.1)(:[0-9]+)?(/|$)", url)) : can(regex("^[A-Za-z][A-Za-z0-9+.-]*:", url))
      ]
    ]))
    error_message = "callback_urls and logout_urls must start with https://, http://localhost or a custom scheme of an app."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for validity in [client.access_token_validity, client.id_token_validity, client.refresh_token_validity] :
        contains(["seconds", "minutes", "hours", "days"], validity.unit)
        && coalesce(validity.value, 1) > 0 && floor(coalesce(validity.value, 1)) == coalesce(validity.value, 1)
      ]
    ]))
    error_message = "The validity of a token must be a whole number greater than 0, with the unit seconds, minutes, hours or days."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for validity in [client.access_token_validity, client.id_token_validity] :
        validity.value == null ? true : (
          validity.value * lookup(local.seconds, validity.unit, 1) >= 300
          && validity.value * lookup(local.seconds, validity.unit, 1) <= 86400
        )
      ]
    ]))
    error_message = "The validity of access and ID tokens must be 5 minutes to 1 day."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) :
      client.refresh_token_validity.value == null ? true : (
        client.refresh_token_validity.value * lookup(local.seconds, client.refresh_token_validity.unit, 1) >= 3600
        && client.refresh_token_validity.value * lookup(local.seconds, client.refresh_token_validity.unit, 1) <= 315360000
      )
    ])
    error_message = "The validity of refresh tokens must be 1 hour to 3650 days."
  }
}
