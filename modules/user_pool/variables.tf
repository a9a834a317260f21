variable "names" {
  description = "Names in AWS: the pool and the domain prefix. Changing the pool's name replaces the pool."
  nullable    = false

  type = object({
    pool   = string
    domain = optional(string)
  })

  validation {
    condition     = can(regex("^[\\w\\s+=,.@-]{1,128}$", var.names.pool))
    error_message = "names.pool must have 1 to 128 characters: letters, digits, spaces and +=,.@-_."
  }
}

variable "sign_in" {
  description = <<-EOT
    What users sign in with: either `username_attributes`, which replace the username (email, phone_number), or
    `alias_attributes`, which work in addition to it (email, phone_number, preferred_username). Changing it replaces the pool.
  EOT
  default     = {}
  nullable    = false

  type = object({
    username_attributes = optional(set(string))
    alias_attributes    = optional(set(string))
    case_sensitive      = optional(bool, false)
  })

  validation {
    condition     = var.sign_in.username_attributes == null || var.sign_in.alias_attributes == null
    error_message = "sign_in must have username_attributes or alias_attributes, not both."
  }

  validation {
    condition = alltrue([
      for attribute in coalesce(var.sign_in.username_attributes, []) : contains(["email", "phone_number"], attribute)
    ])
    error_message = "sign_in.username_attributes must be email or phone_number."
  }

  validation {
    condition = alltrue([
      for attribute in coalesce(var.sign_in.alias_attributes, []) :
      contains(["email", "phone_number", "preferred_username"], attribute)
    ])
    error_message = "sign_in.alias_attributes must be email, phone_number or preferred_username."
  }
}

variable "auto_verified_attributes" {
  description = "Attributes that Cognito verifies by sending a code: email, phone_number."
  type        = set(string)
  default     = ["email"]
  nullable    = false

  validation {
    condition     = alltrue([for attribute in var.auto_verified_attributes : contains(["email", "phone_number"], attribute)])
    error_message = "auto_verified_attributes must be email or phone_number."
  }
}

variable "attributes" {
  description = <<-EOT
    Custom attributes: name without `custom:` -> type (string, number, datetime, boolean), bounds and mutability. `min` and
    `max` limit the length of a string or the value of a number. Cognito can add an attribute in place, but never
    change or remove one. `limits` is for imported pools: `default` sets 0 and 2048 where a string has no limits, `given`
    sets only min and max, `none` sets no limits at all.
  EOT
  default     = {}
  nullable    = false

  type = map(object({
    type           = optional(string, "string")
    min            = optional(number)
    max            = optional(number)
    limits         = optional(string, "default")
    mutable        = optional(bool, true)
    developer_only = optional(bool, false)
  }))

  validation {
    condition     = length(var.attributes) <= 50
    error_message = "A pool can have at most 50 custom attributes."
  }

  validation {
    condition     = alltrue([for name, attribute in var.attributes : can(regex("^[\\w.-]{1,20}$", name))])
    error_message = "The name of a custom attribute must have 1 to 20 characters (letters, digits and ._-), without `custom:`."
  }

  validation {
    condition = alltrue([
      for attribute in values(var.attributes) : contains(["string", "number", "datetime", "boolean"], attribute.type)
    ])
    error_message = "The type of a custom attribute must be string, number, datetime or boolean."
  }

  validation {
    condition = alltrue([
      for attribute in values(var.attributes) :
      contains(["string", "number"], attribute.type) || (attribute.min == null && attribute.max == null)
    ])
    error_message = "Only string and number attributes can have min and max."
  }

  # Cognito's response for a number without limits differs from the request, so each plan would show a change.
  validation {
    condition = alltrue([
      for attribute in values(var.attributes) :
      attribute.type != "number" || attribute.limits != "default" || attribute.min != null || attribute.max != null
    ])
    error_message = "A number attribute requires min or max, which can never be changed later."
  }

  validation {
    condition     = alltrue([for attribute in values(var.attributes) : contains(["default", "given", "none"], attribute.limits)])
    error_message = "limits of a custom attribute must be default, given or none."
  }

  validation {
    condition = alltrue([
      for attribute in values(var.attributes) :
      attribute.type != "string" || (
        coalesce(attribute.min, 0) >= 0 && coalesce(attribute.max, 2048) <= 2048
        && coalesce(attribute.min, 0) <= coalesce(attribute.max, 2048)
      )
    ])
    error_message = "min and max of a string attribute must be 0 to 2048, and min must not exceed max."
  }

  validation {
    condition = alltrue([
      for attribute in values(var.attributes) :
      attribute.min == null || attribute.max == null || try(attribute.min <= attribute.max, true)
    ])
    error_message = "min of a custom attribute must not exceed max."
  }
}

variable "domain" {
  description = <<-EOT
    The domain of the hosted sign-in pages; none when null. Without `name`, it is the prefix `names.domain` of Cognito's own
    domain. A name with dots is a custom domain, which requires the ARN of its certificate in us-east-1.
    `managed_login_version` is 1 for the classic pages and 2 for managed login.
  EOT
  default     = null

  type = object({
    name                  = optional(string)
    certificate_arn       = optional(string)
    managed_login_version = optional(number)
  })

  validation {
    condition     = var.domain == null || can(coalesce(var.domain.name, var.names.domain))
    error_message = "domain requires a name, or names.domain."
  }

  validation {
    condition     = strcontains(try(coalesce(var.domain.name), ""), ".") == (try(coalesce(var.domain.certificate_arn), null) != null)
    error_message = "A custom domain (with dots) requires certificate_arn; a prefix of Cognito's domain must not have one."
  }

  validation {
    condition = anytrue([
      for name in try([coalesce(var.domain.name, var.names.domain)], ["none"]) : strcontains(name, ".") || (
        can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", name)) && !can(regex("aws|amazon|cognito", name))
      )
    ])
    error_message = "A domain prefix must have 1 to 63 characters (a-z, 0-9 and -) and must not contain aws, amazon or cognito."
  }
}

variable "custom_domain" {
  description = "A custom domain in addition to `domain`, if that is a prefix of Cognito's domain. A pool can have one of each."
  default     = null

  type = object({
    name                  = string
    certificate_arn       = string
    managed_login_version = optional(number)
  })
}

variable "mfa" {
  description = "MFA: OFF, OPTIONAL (each user chooses) or ON (required for all users). With an authenticator app by default."
  type        = string
  default     = "OPTIONAL"
  nullable    = false

  validation {
    condition     = contains(["OFF", "OPTIONAL", "ON"], var.mfa)
    error_message = "mfa must be OFF, OPTIONAL or ON; in YAML, quote the value."
  }
}

variable "password_policy" {
  description = <<-EOT
    Password requirements, the number of days for which a temporary password is valid, and the number of earlier passwords
    that a user cannot choose again (`history_size`, which requires threat protection).
  EOT
  default     = {}
  nullable    = false

  type = object({
    minimum_length          = optional(number, 12)
    require_lowercase       = optional(bool, true)
    require_uppercase       = optional(bool, true)
    require_numbers         = optional(bool, true)
    require_symbols         = optional(bool, false)
    temporary_validity_days = optional(number, 7)
    history_size            = optional(number)
  })

  validation {
    condition     = var.password_policy.minimum_length >= 6 && var.password_policy.minimum_length <= 99
    error_message = "password_policy.minimum_length must be 6 to 99."
  }

  validation {
    condition     = var.password_policy.temporary_validity_days >= 0 && var.password_policy.temporary_validity_days <= 365
    error_message = "password_policy.temporary_validity_days must be 0 to 365."
  }
}

variable "self_sign_up" {
  description = "Whether users can sign up themselves; otherwise administrators create them."
  type        = bool
  default     = false
  nullable    = false
}

variable "email" {
  description = <<-EOT
    The SES identity that sends emails; Cognito's own sender (50 emails per day) when null. `sending_account` is DEVELOPER, or
    COGNITO_DEFAULT for Cognito's own sender with a reply-to address.
  EOT
  default     = null

  type = object({
    source_arn        = optional(string)
    from              = optional(string)
    reply_to          = optional(string)
    configuration_set = optional(string)
    sending_account   = optional(string, "DEVELOPER")
  })

  validation {
    condition = (
      var.email == null
      || try(var.email.sending_account == "COGNITO_DEFAULT" && var.email.source_arn == null, false)
      || can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/", var.email.source_arn))
    )
    error_message = "email.source_arn must be the ARN of an SES identity."
  }
}

variable "deletion_protection" {
  description = "ACTIVE: Cognito refuses to delete the pool. Set it to INACTIVE before you remove the pool."
  type        = string
  default     = "ACTIVE"
  nullable    = false

  validation {
    condition     = contains(["ACTIVE", "INACTIVE"], var.deletion_protection)
    error_message = "deletion_protection must be ACTIVE or INACTIVE."
  }
}

variable "unset" {
  description = <<-EOT
    Blocks of the pool that are left out although the module has a default for them, because an imported pool does not have
    them: admin_create_user_config, password_policy, username_configuration.
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for each in var.unset : contains(["admin_create_user_config", "password_policy", "username_configuration"], each)
    ])
    error_message = "unset must be admin_create_user_config, password_policy or username_configuration."
  }
}

variable "tags" {
  description = "Tags of the pool, in addition to the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
