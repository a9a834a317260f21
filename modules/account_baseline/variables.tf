variable "account_id" {
  description = "Id of the account that this is the baseline of."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has 12 digits; in YAML it needs quotes."
  }
}

variable "partition" {
  description = "Partition of AWS that the account is in: aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = contains(["aws", "aws-cn", "aws-us-gov"], var.partition)
    error_message = "partition is aws, aws-cn or aws-us-gov."
  }
}

variable "name_prefix" {
  description = "First part of every name in AWS, the `name` of live/orch.yaml: the apply role changes only what is named so."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name_prefix))
    error_message = "name_prefix is a name: a-z, 0-9 and -, at most 31 characters, a letter first."
  }
}

variable "state_bucket" {
  description = "Name of the account's state bucket, which `orch bootstrap` makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be 3 to 63 of a-z, 0-9, - and dots."
  }
}

variable "trusted_account_ids" {
  description = "Accounts whose principals may take the plan and apply roles, as far as their own policies let them."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.trusted_account_ids) > 0
    error_message = "trusted_account_ids needs at least one account: without one, nobody could take the roles."
  }

  validation {
    condition     = alltrue([for id in var.trusted_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "trusted_account_ids have 12 digits each; in YAML they need quotes."
  }
}

variable "plan_role" {
  description = "Name of the role that plans run under; it can look and not touch."
  type        = string
  default     = "orch-plan"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,48}$", var.plan_role))
    error_message = "plan_role has 1 to 48 letters, digits or +=,.@-_ characters."
  }
}

variable "apply_role" {
  description = "Name of the role that applies run under."
  type        = string
  default     = "orch-apply"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,48}$", var.apply_role)) && var.apply_role != var.plan_role
    error_message = "apply_role has 1 to 48 letters, digits or +=,.@-_ characters, and is another role than plan_role."
  }
}

variable "break_glass_role" {
  description = "Name of the role that deletes what is protected: taken only with the session tags orch:owner and orch:reason."
  type        = string
  default     = "orch-break-glass"
  nullable    = false

  validation {
    condition = (
      can(regex("^[\\w+=,.@-]{1,64}$", var.break_glass_role)) && !contains([var.plan_role, var.apply_role], var.break_glass_role)
    )
    error_message = "break_glass_role has 1 to 64 letters, digits or +=,.@-_ characters, and is a role of its own."
  }
}

variable "bootstrap_role" {
  description = "Name of the role that makes this baseline: the apply role may neither change nor take it."
  type        = string
  default     = "OrganizationAccountAccessRole"
  nullable    = false
}

variable "boundary_policy" {
  description = "Name of the policy that bounds every role that the apply role makes."
  type        = string
  default     = "orch-boundary"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,128}$", var.boundary_policy))
    error_message = "boundary_policy has 1 to 128 letters, digits or +=,.@-_ characters."
  }
}

variable "secret_prefixes" {
  description = "Prefixes of SSM parameters and of secrets whose values both roles may read, for stacks with `secrets`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for prefix in var.secret_prefixes : can(regex("^/?[\\w.-]{2,}[\\w/.-]*$", prefix))])
    error_message = "secret_prefixes are like /ams/prod/, without a star: an empty one would be all secrets."
  }
}

variable "plan_actions" {
  description = "Further reading actions of both roles, for services that the modules here do not use: `rds:Describe*`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for action in var.plan_actions :
      can(regex("^[a-z0-9-]+:(BatchGet|Describe|Get|List|Lookup|Search|View)[A-Za-z0-9*]*$", action))
    ])
    error_message = "plan_actions only read: SERVICE:Get…, List…, Describe…, BatchGet…, Lookup…, Search… or View…."
  }

  validation {
    condition = alltrue([
      for action in var.plan_actions :
      !can(regex("^(secretsmanager:(Get|BatchGet)|ssm:Get|s3:Get(\\*|O)|dynamodb:(Get|BatchGet)(\\*|I|R)|sts:)", action))
    ])
    error_message = "plan_actions give no secrets, objects, items or credentials; for secrets there is secret_prefixes."
  }
}

variable "apply_actions" {
  description = "Further actions of the apply role, for services that the modules here do not use: `rds:*`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for action in var.apply_actions :
      can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action)) && !can(regex("^(account|iam|organizations|sts):", action))
    ])
    error_message = "apply_actions are SERVICE:ACTION, and none of account, iam, organizations or sts."
  }
}

variable "denied_actions" {
  description = "Actions that the apply role is denied whatever else it is allowed: `cognito-idp:DeleteUserPool`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for action in var.denied_actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action))])
    error_message = "denied_actions are SERVICE:ACTION."
  }
}

variable "protected_delete_apis" {
  description = "Calls that delete what must not be lost: denied to the apply role, left to the break-glass role. orch gives those of policies/protected.yaml."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for action in var.protected_delete_apis : can(regex("^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$", action))])
    error_message = "protected_delete_apis are SERVICE:ACTION, each call by its own name."
  }
}

variable "workload_actions" {
  description = "What the permission boundary lets the roles of functions do at most; null for the list in this module."
  type        = set(string)
  default     = null

  validation {
    condition = alltrue([
      for action in coalesce(var.workload_actions, []) :
      can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action)) && !can(regex("^(account|iam|organizations|sts):", action))
    ])
    error_message = "workload_actions are SERVICE:ACTION, and none of account, iam, organizations or sts."
  }
}

variable "passed_to_services" {
  description = "AWS services that stacks may hand a role to."
  type        = set(string)
  default     = ["lambda.amazonaws.com"]
  nullable    = false

  validation {
    condition     = alltrue([for service in var.passed_to_services : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", service))])
    error_message = "passed_to_services are like lambda.amazonaws.com."
  }
}

variable "session_hours" {
  description = "For how many hours at most credentials of the roles are valid; one hour when they are taken from another role."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.session_hours >= 1 && var.session_hours <= 12 && floor(var.session_hours) == var.session_hours
    error_message = "session_hours is a whole number, 1 to 12."
  }
}

variable "alternate_contacts" {
  description = "Whom AWS writes to beside the account's owner: BILLING, OPERATIONS, SECURITY -> a person or team."
  default     = {}
  nullable    = false

  type = map(object({
    name  = string
    title = string
    email = string
    phone = string
  }))

  validation {
    condition     = length(setsubtract(keys(var.alternate_contacts), ["BILLING", "OPERATIONS", "SECURITY"])) == 0
    error_message = "alternate_contacts are BILLING, OPERATIONS and SECURITY."
  }

  validation {
    condition     = alltrue([for contact in values(var.alternate_contacts) : can(regex("^[^@\\s]+@[^@\\s]+$", contact.email))])
    error_message = "The email of a contact is an address."
  }

  validation {
    condition     = alltrue([for contact in values(var.alternate_contacts) : can(regex("^[0-9\\s()+-]{1,25}$", contact.phone))])
    error_message = "The phone of a contact has digits, spaces and ()+- characters, at most 25."
  }
}

variable "password_policy" {
  description = "What passwords of IAM users must have; AWS's own rule when null."
  default     = null

  type = object({
    minimum_length  = optional(number, 16)
    max_age_days    = optional(number, 0)
    reuse_prevented = optional(number, 24)
  })

  validation {
    condition = var.password_policy == null || try(
      var.password_policy.minimum_length >= 8 && var.password_policy.minimum_length <= 128
      && var.password_policy.max_age_days >= 0 && var.password_policy.max_age_days <= 1095
      && var.password_policy.reuse_prevented >= 1 && var.password_policy.reuse_prevented <= 24,
      false
    )
    error_message = "password_policy: minimum_length 8 to 128, max_age_days 0 (never) to 1095, reuse_prevented 1 to 24."
  }
}

variable "tags" {
  description = "Tags of roles and policies, beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
