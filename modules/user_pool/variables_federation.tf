variable "groups" {
  description = "Groups: name -> description, precedence (lower wins) and the role that members can assume."
  default     = {}
  nullable    = false

  type = map(object({
    description = optional(string)
    precedence  = optional(number)
    role_arn    = optional(string)
  }))
}

variable "resource_servers" {
  description = "Resource servers: identifier -> name and scopes (name -> description). Clients name a scope as IDENTIFIER/SCOPE."
  default     = {}
  nullable    = false

  type = map(object({
    name   = optional(string)
    scopes = optional(map(string), {})
  }))
}

variable "identity_providers" {
  description = <<-EOT
    Identity providers: name -> type (SAML, OIDC, Google, Facebook, LoginWithAmazon, SignInWithApple), Cognito's provider
    details, attributes of the pool -> attributes of the provider, and identifiers. `secret` is the name of the SSM parameter
    with the client secret (the private key for Apple). It is read when the provider is created; the secret of an imported
    provider stays as it is.
  EOT
  default     = {}
  nullable    = false

  type = map(object({
    type              = string
    details           = optional(map(string), {})
    attribute_mapping = optional(map(string))
    identifiers       = optional(list(string))
    secret            = optional(string)
  }))

  validation {
    condition = alltrue([
      for provider in values(var.identity_providers) :
      length(setintersection(keys(provider.details), ["client_secret", "private_key"])) == 0
    ])
    error_message = "details must not contain client_secret or private_key: put it into an SSM parameter, and set `secret` to its name."
  }
}
