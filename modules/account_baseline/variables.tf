variable "account_id" {
  description = "ID of the account that the baseline is applied in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must have 12 digits; in YAML, quote it."
  }
}

variable "partition" {
  description = "AWS partition of the account, such as aws-cn; null for the one that its region is in."
  type        = string
  default     = null

  validation {
    condition     = var.partition == null || can(regex("^aws(-[a-z]+)*$", var.partition))
    error_message = "partition must be null, or the name of a partition such as aws or aws-cn."
  }
}

variable "name_prefix" {
  description = "Prefix of all names in AWS, the `name` in live/orch.yaml. The apply role can change only resources with this prefix."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name_prefix))
    error_message = "name_prefix must have at most 31 characters (a-z, 0-9 and -) and start with a letter."
  }
}

variable "state_bucket" {
  description = "Name of the account's state bucket, which `orch bootstrap` creates."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must have 3 to 63 characters: a-z, 0-9, - and dots."
  }
}

variable "state_prefix" {
  description = "Prefix of the keys of all states in the state bucket: `state.prefix` in live/orch.yaml, which orch passes, with a final slash."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9_.-]+/)*$", var.state_prefix))
    error_message = "state_prefix must be empty or end with a slash: letters, digits, _, -, dots and slashes."
  }
}

variable "state_kms_key" {
  description = "KMS key that encrypts the states: `state.kms_key` in live/orch.yaml, which orch passes. An alias, an ARN or an id; null if the key's own policy allows the roles, or S3 manages the key."
  type        = string
  default     = null

  validation {
    condition     = var.state_kms_key == null || can(regex("^(alias/|arn:[a-z-]+:kms:|(mrk-)?[0-9a-f-]{32,36}$)", coalesce(var.state_kms_key, "-")))
    error_message = "state_kms_key must be alias/NAME, the ARN of a key, or its id."
  }
}

variable "trusted_account_ids" {
  description = "Accounts whose principals can assume the plan and apply roles, if their own policies allow it."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.trusted_account_ids) > 0
    error_message = "trusted_account_ids must not be empty: otherwise nobody could assume the roles."
  }

  validation {
    condition     = alltrue([for id in var.trusted_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "trusted_account_ids must have 12 digits each; in YAML, quote them."
  }
}

variable "plan_role" {
  description = "Name of the read-only role that plans run under."
  type        = string
  default     = "orch-plan"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,48}$", var.plan_role))
    error_message = "plan_role must have 1 to 48 characters: letters, digits and +=,.@-_."
  }
}

variable "apply_role" {
  description = "Name of the role that applies run under."
  type        = string
  default     = "orch-apply"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,48}$", var.apply_role)) && var.apply_role != var.plan_role
    error_message = "apply_role must have 1 to 48 characters (letters, digits and +=,.@-_) and differ from plan_role."
  }
}

variable "break_glass_role" {
  description = "Name of the role that can delete protected resources. Assuming it requires the session tags orch:owner and orch:reason."
  type        = string
  default     = "orch-break-glass"
  nullable    = false

  validation {
    condition = (
      can(regex("^[\\w+=,.@-]{1,64}$", var.break_glass_role)) && !contains([var.plan_role, var.apply_role], var.break_glass_role)
    )
    error_message = "break_glass_role must have 1 to 64 characters (letters, digits and +=,.@-_) and differ from the other roles."
  }
}

variable "bootstrap_role" {
  description = "Name of the role that applies this baseline. The apply role can neither change nor assume it."
  type        = string
  default     = "OrganizationAccountAccessRole"
  nullable    = false
}

variable "boundary_policy" {
  description = "Name of the permissions boundary that every role created by the apply role must have."
  type        = string
  default     = "orch-boundary"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,128}$", var.boundary_policy))
    error_message = "boundary_policy must have 1 to 128 characters: letters, digits and +=,.@-_."
  }
}

variable "secret_prefixes" {
  description = "Prefixes of SSM parameters and secrets whose values both roles can read, for stacks with `secrets`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for prefix in var.secret_prefixes : can(regex("^/?[\\w.-]{2,}[\\w/.-]*$", prefix))])
    error_message = "secret_prefixes must look like /ams/prod/, without wildcards: an empty prefix would match all secrets."
  }
}

variable "plan_actions" {
  description = "Additional read-only actions of both roles, for services that the modules here do not use: `rds:Describe*`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for action in var.plan_actions :
      can(regex("^[a-z0-9-]+:(BatchGet|Describe|Get|List|Lookup|Search|View)[A-Za-z0-9*]*$", action))
    ])
    error_message = "plan_actions must be read-only: SERVICE:Get…, List…, Describe…, BatchGet…, Lookup…, Search… or View…."
  }

  validation {
    condition = alltrue([
      for action in var.plan_actions :
      !can(regex("^(secretsmanager:(Get|BatchGet)|ssm:Get|s3:Get(\\*|O)|dynamodb:(Get|BatchGet)(\\*|I|R)|sts:)", action))
    ])
    error_message = "plan_actions must not return secrets, objects, items or credentials; for secrets, use secret_prefixes."
  }
}

variable "apply_actions" {
  description = "Additional actions of the apply role, for services that the modules here do not use: `rds:*`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for action in var.apply_actions :
      can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action)) && !can(regex("^(account|iam|organizations|sts):", action))
    ])
    error_message = "apply_actions must have the form SERVICE:ACTION, without the services account, iam, organizations and sts."
  }
}

variable "denied_actions" {
  description = "Actions that are always denied to the apply role: `cognito-idp:DeleteUserPool`."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for action in var.denied_actions : can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action))])
    error_message = "denied_actions must have the form SERVICE:ACTION."
  }
}

variable "protected_delete_apis" {
  description = "Actions that delete protected resources: denied to the apply role, allowed to the break-glass role. orch passes those in policies/protected.yaml."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for action in var.protected_delete_apis : can(regex("^[a-z0-9-]+:[A-Z][A-Za-z0-9]+$", action))])
    error_message = "protected_delete_apis must have the form SERVICE:ACTION, without wildcards."
  }
}

variable "workload_actions" {
  description = "Actions that the permissions boundary allows to the roles of functions; null for the list in this module. What deletes users, tables, buckets or queues is allowed only under its full name."
  type        = set(string)
  default     = null

  validation {
    condition = alltrue([
      for action in coalesce(var.workload_actions, []) :
      can(regex("^[a-z0-9-]+:[A-Za-z0-9*]+$", action)) && !can(regex("^(account|iam|organizations|sts):", action))
    ])
    error_message = "workload_actions must have the form SERVICE:ACTION, without the services account, iam, organizations and sts."
  }
}

variable "passed_to_services" {
  description = "AWS services that stacks can pass a role to."
  type        = set(string)
  default     = ["lambda.amazonaws.com"]
  nullable    = false

  validation {
    condition     = alltrue([for service in var.passed_to_services : can(regex("^[a-z0-9.-]+\\.amazonaws\\.[a-z.]+$", service))])
    error_message = "passed_to_services must look like lambda.amazonaws.com."
  }
}

variable "session_hours" {
  description = "Maximum session duration of the roles in hours. AWS limits it to one hour when a role is assumed from another role."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.session_hours >= 1 && var.session_hours <= 12 && floor(var.session_hours) == var.session_hours
    error_message = "session_hours must be a whole number from 1 to 12."
  }
}

variable "alternate_contacts" {
  description = "Alternate contacts of the account: BILLING, OPERATIONS, SECURITY -> a person or team."
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
    error_message = "The keys of alternate_contacts must be BILLING, OPERATIONS or SECURITY."
  }

  validation {
    condition     = alltrue([for contact in values(var.alternate_contacts) : can(regex("^[^@\\s]+@[^@\\s]+$", contact.email))])
    error_message = "The email of a contact must be an email address."
  }

  validation {
    condition     = alltrue([for contact in values(var.alternate_contacts) : can(regex("^[0-9\\s()+-]{1,25}$", contact.phone))])
    error_message = "The phone of a contact must have at most 25 characters: digits, spaces and ()+-."
  }
}

variable "password_policy" {
  description = "Password policy for IAM users; the default policy of AWS when null."
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
    error_message = "password_policy: minimum_length must be 8 to 128, max_age_days 0 (never expires) to 1095, reuse_prevented 1 to 24."
  }
}

variable "tags" {
  description = "Tags of roles and policies, in addition to the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "workers" {
  description = "Allow runs on a cluster (docs/scale.md): the plan role can then write and delete objects below `work/` of the state bucket."
  type        = bool
  default     = false
  nullable    = false
}

variable "stored_plans" {
  description = "Allow plans to wait for their approval (docs/pull-requests.md): the plan role can then write objects below `plans/` of the state bucket, and the roles can use state_kms_key for plans that a CI carries as files."
  type        = bool
  default     = false
  nullable    = false
}

variable "disposable_stages" {
  description = "Allow disposable stages (docs/live.md): the break-glass role can then empty buckets of the account, not the state bucket. orch sets it for accounts with access: open."
  type        = bool
  default     = false
  nullable    = false
}

variable "adopted_names" {
  description = "Names of adopted resources that do not start with name_prefix and that the apply role can change nevertheless. `orch adopt --dry-run` lists them. Set the permissions boundary of a role before you add it."
  default     = {}
  nullable    = false

  type = object({
    table     = optional(set(string), [])
    bucket    = optional(set(string), [])
    queue     = optional(set(string), [])
    function  = optional(set(string), [])
    log_group = optional(set(string), [])
    role      = optional(set(string), [])
    policy    = optional(set(string), [])
  })

  validation {
    condition     = alltrue([for name in flatten(values(var.adopted_names)) : can(regex("^[\\w+=,.@/#-]{1,512}$", name))])
    error_message = "adopted_names must be whole names, without wildcards."
  }

  validation {
    condition     = !contains(var.adopted_names.bucket, var.state_bucket)
    error_message = "adopted_names must not contain the state bucket."
  }
}
