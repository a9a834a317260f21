# Settings that few new pools need. `orch adopt UNIT --pool ID` writes them for a pool that exists.

variable "standard_attributes" {
  description = <<-EOT
    Standard attributes that differ from Cognito's defaults: name -> whether it is required and mutable, and its limits, as in
    `attributes`. It can only be set when the pool is created.
  EOT
  default     = {}
  nullable    = false

  type = map(object({
    type     = optional(string, "string")
    min      = optional(number)
    max      = optional(number)
    limits   = optional(string, "default")
    required = optional(bool, false)
    mutable  = optional(bool, true)
  }))

  validation {
    condition = alltrue([
      for attribute in values(var.standard_attributes) :
      contains(["string", "number", "datetime", "boolean"], attribute.type) && contains(["default", "given", "none"], attribute.limits)
    ])
    error_message = "type of a standard attribute must be string, number, datetime or boolean; limits default, given or none."
  }
}

variable "tier" {
  description = "Feature plan: LITE, ESSENTIALS or PLUS; the account's default when null."
  type        = string
  default     = null
}

variable "account_recovery" {
  description = <<-EOT
    How users recover their account: verified_email, verified_phone_number or admin_only -> priority, 1 first. Empty for
    Cognito's legacy behavior.
  EOT
  type        = map(number)
  default     = { verified_email = 1 }
  nullable    = false
}

variable "software_token_mfa" {
  description = "MFA with an authenticator app: enabled, disabled or unset; null: enabled unless `mfa` is OFF."
  type        = string
  default     = null

  validation {
    condition     = contains(["enabled", "disabled", "unset"], coalesce(var.software_token_mfa, "unset"))
    error_message = "software_token_mfa must be enabled, disabled or unset."
  }
}

variable "email_mfa" {
  description = "Message and subject of emails with MFA codes; no MFA by email when null."
  default     = null

  type = object({
    message = optional(string)
    subject = optional(string)
  })
}

variable "first_factors" {
  description = "What users can sign in with first: PASSWORD, EMAIL_OTP, SMS_OTP, WEB_AUTHN. Cognito's default when null."
  type        = set(string)
  default     = null
}

variable "passkeys" {
  description = "Relying party of passkeys, and whether user verification is required or preferred."
  default     = null

  type = object({
    relying_party_id  = optional(string)
    user_verification = optional(string)
  })
}

variable "sms" {
  description = "The role with which Cognito sends text messages through SNS, its external id, and the region of SNS."
  default     = null

  type = object({
    role_arn    = string
    external_id = string
    region      = optional(string)
  })
}

variable "sms_authentication_message" {
  description = "Text message with an MFA code; contains {####}."
  type        = string
  default     = null
}

variable "verification" {
  description = "Messages that verify an address, with a code (CONFIRM_WITH_CODE) or a link (CONFIRM_WITH_LINK)."
  default     = null

  type = object({
    email_option          = optional(string)
    email_message         = optional(string)
    email_subject         = optional(string)
    email_message_by_link = optional(string)
    email_subject_by_link = optional(string)
    sms_message           = optional(string)
  })
}

variable "verification_messages" {
  description = "The older form of `verification`: only messages that are not in the template."
  default     = null

  type = object({
    email_message = optional(string)
    email_subject = optional(string)
    sms_message   = optional(string)
  })
}

variable "invitation" {
  description = "Messages to users whom an administrator creates; they contain {username} and {####}."
  default     = null

  type = object({
    email_message = optional(string)
    email_subject = optional(string)
    sms_message   = optional(string)
  })
}

variable "devices" {
  description = "Remembered devices: whether a new one is challenged, and whether users are asked first. Not remembered when null."
  default     = null

  type = object({
    challenge_on_new_device = optional(bool, false)
    remember_on_prompt      = optional(bool, false)
  })
}

variable "verify_before_update" {
  description = "Attributes whose new value counts only after it is verified: email, phone_number."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "threat_protection" {
  description = "Threat protection (advanced security): OFF, AUDIT or ENFORCED, and the mode for custom authentication."
  default     = null

  type = object({
    mode             = string
    custom_auth_mode = optional(string)
  })
}

variable "triggers" {
  description = "Lambda functions that Cognito calls: trigger -> ARN. The functions must allow cognito-idp.amazonaws.com to call them."
  default     = null

  type = object({
    create_auth_challenge          = optional(string)
    custom_message                 = optional(string)
    define_auth_challenge          = optional(string)
    post_authentication            = optional(string)
    post_confirmation              = optional(string)
    pre_authentication             = optional(string)
    pre_sign_up                    = optional(string)
    pre_token_generation           = optional(string)
    user_migration                 = optional(string)
    verify_auth_challenge_response = optional(string)
    kms_key_id                     = optional(string)
    pre_token_generation_config    = optional(object({ lambda_arn = string, lambda_version = string }))
    custom_email_sender            = optional(object({ lambda_arn = string, lambda_version = string }))
    custom_sms_sender              = optional(object({ lambda_arn = string, lambda_version = string }))
  })
}
