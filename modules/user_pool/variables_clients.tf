variable "clients" {
  description = <<-EOT
    App clients: name -> how it signs in. `auth_flows` without their prefix ALLOW_; `oauth_flows` (code, implicit,
    client_credentials) switch on the hosted pages and need `callback_urls`. Validities have a value and a unit (seconds,
    minutes, hours, days). With `secret`, see the output client_secrets; another value of it replaces the client.
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
    error_message = "The name of a client has 1 to 128 letters, digits, spaces or +=,.@-_ characters."
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
      auth_flows are ADMIN_USER_PASSWORD_AUTH, CUSTOM_AUTH, REFRESH_TOKEN_AUTH, USER_AUTH, USER_PASSWORD_AUTH and
      USER_SRP_AUTH.
    EOT
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) :
      length(setsubtract(client.oauth_flows, ["code", "implicit", "client_credentials"])) == 0
    ])
    error_message = "oauth_flows are code, implicit and client_credentials."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) :
      length(setintersection(client.oauth_flows, ["code", "implicit"])) == 0 || length(client.callback_urls) > 0
    ])
    error_message = "A client with the oauth flow code or implicit needs callback_urls."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) : !contains(client.oauth_flows, "client_credentials") || client.secret
    ])
    error_message = "The oauth flow client_credentials needs secret = true."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for url in setunion(client.callback_urls, client.logout_urls) :
        startswith(url, "http:") ? can(regex("^http://localhost(:[0-9]+)?(/|$)", url)) : can(regex("^[a-z][a-z0-9+.-]*://", url))
      ]
    ]))
    error_message = "callback_urls and logout_urls are https:// addresses, http://localhost or an app's own scheme."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for validity in [client.access_token_validity, client.id_token_validity, client.refresh_token_validity] :
        contains(["seconds", "minutes", "hours", "days"], validity.unit)
        && validity.value > 0 && floor(validity.value) == validity.value
      ]
    ]))
    error_message = "A token's validity is a whole number above 0 with the unit seconds, minutes, hours or days."
  }

  validation {
    condition = alltrue(flatten([
      for client in values(var.clients) : [
        for validity in [client.access_token_validity, client.id_token_validity] :
        validity.value * lookup(local.seconds, validity.unit, 1) >= 300
        && validity.value * lookup(local.seconds, validity.unit, 1) <= 86400
      ]
    ]))
    error_message = "Access and ID tokens are valid for 5 minutes to 1 day."
  }

  validation {
    condition = alltrue([
      for client in values(var.clients) :
      client.refresh_token_validity.value * lookup(local.seconds, client.refresh_token_validity.unit, 1) >= 3600
      && client.refresh_token_validity.value * lookup(local.seconds, client.refresh_token_validity.unit, 1) <= 315360000
    ])
    error_message = "Refresh tokens are valid for 1 hour to 3650 days."
  }
}
