variable "clients" {
  description = <<-EOT
    App clients: name -> settings. `auth_flows` are written without the prefix ALLOW_. `oauth_flows` (code, implicit,
    client_credentials) enable the hosted pages and require `callback_urls`. Validities have a value and a unit (seconds,
    minutes, hours, days). With `secret`, see the output client_secrets; changing it replaces the client.
  EOT
  default     = {}
  nullable    = false

  type = map(object({
    secret                 = optional(bool, false)
    auth_flows             = optional(set(string), ["USER_SRP_AUTH", "REFRESH_TOKEN_AUTH"])
    oauth_flows            = optional(set(string), [])
    oauth_scopes           = optional(set(string), ["openid", "email", "profile"])
    callback_urls          = optional(set(string), [])
    logout_urls            = optional(set(string), [])
    identity_providers     = optional(set(string), ["COGNITO"])
    read_attributes        = optional(set(string))
    write_attributes       = optional(set(string))
    access_token_validity  = optional(object({ value = number, unit = string }), { value = 60, unit = "minutes" })
    id_token_validity      = optional(object({ value = number, unit = string }), { value = 60, unit = "minutes" })
    refresh_token_validity = optional(object({ value = number, unit = string }), { value = 30, unit = "days" })
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
      for client in values(var.clients) : !contains(client.oauth_flows, "client_credentials") || client.secret
    ])
    error_message = "The OAuth flow client_credentials requires secret = true."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for url in setunion(client.callback_urls, client.logout_urls) :
        startswith(url, "http:") ? can(regex("^http://localhost(:[0-9]+)?(/|$)", url)) : can(regex("^[a-z][a-z0-9+.-]*://", url))
      ]
    ]))
    error_message = "callback_urls and logout_urls must start with https://, http://localhost or a custom scheme of an app."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for validity in [client.access_token_validity, client.id_token_validity, client.refresh_token_validity] :
        contains(["seconds", "minutes", "hours", "days"], validity.unit)
        && validity.value > 0 && floor(validity.value) == validity.value
      ]
    ]))
    error_message = "The validity of a token must be a whole number greater than 0, with the unit seconds, minutes, hours or days."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for validity in [client.access_token_validity, client.id_token_validity] :
        validity.value * lookup(local.seconds, validity.unit, 1) >= 300
        && validity.value * lookup(local.seconds, validity.unit, 1) <= 86400
      ]
    ]))
    error_message = "The validity of access and ID tokens must be 5 minutes to 1 day."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) :
      client.refresh_token_validity.value * lookup(local.seconds, client.refresh_token_validity.unit, 1) >= 3600
      && client.refresh_token_validity.value * lookup(local.seconds, client.refresh_token_validity.unit, 1) <= 315360000
    ])
    error_message = "The validity of refresh tokens must be 1 hour to 3650 days."
  }
}
