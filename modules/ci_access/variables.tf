variable "issuer" {
  description = "Issuer of the CI's tokens, without https://: token.actions.githubusercontent.com, gitlab.com, or your own GitLab."
  type        = string
  default     = "token.actions.githubusercontent.com"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.-]+\\.[a-z]+(/[\\w./-]+)?$", var.issuer))
    error_message = "issuer must be a host name with an optional path, without https://."
  }
}

variable "audience" {
  description = "Audience of the tokens."
  type        = string
  default     = "sts.amazonaws.com"
  nullable    = false
}

variable "create_provider" {
  description = "Create the identity provider; false if the account has it: AWS allows one for each issuer."
  type        = bool
  default     = true
  nullable    = false
}

variable "plan_subjects" {
  description = "Claims `sub` of the jobs that plan, with * and ? as wildcards: `repo:OWNER/NAME:pull_request` and `repo:OWNER/NAME:ref:refs/heads/main`."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.plan_subjects) > 0 && alltrue([for subject in var.plan_subjects : can(regex("^[a-z_]+:[\\w.-]+/[\\w./-]+:.+$", subject))])
    error_message = "plan_subjects must name the repository without a wildcard, e.g. repo:acme/platform:pull_request."
  }
}

variable "plan_accounts" {
  description = "Accounts whose plan role the jobs that plan can assume."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.plan_accounts) > 0 && alltrue([for id in var.plan_accounts : can(regex("^[0-9]{12}$", id))])
    error_message = "plan_accounts must have 12 digits each; in YAML, quote them."
  }
}

variable "environments" {
  description = "Protected environment -> the claim `sub` of its jobs, without wildcards (`repo:OWNER/NAME:environment:prod`), and the accounts that these jobs apply to."
  type        = map(object({ subject = string, accounts = set(string) }))
  nullable    = false

  validation {
    condition     = alltrue([for name, _ in var.environments : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = "environments must be named like stages: a-z, 0-9 and -, at most 31 characters."
  }

  validation {
    condition     = alltrue([for each in var.environments : can(regex("^[a-z_]+:[\\w.-]+/[\\w./-]+:[^*?]+$", each.subject))])
    error_message = "environments: a subject must name the repository and the environment without a wildcard."
  }

  validation {
    condition = alltrue([
      for each in var.environments : length(each.accounts) > 0 && alltrue([for id in each.accounts : can(regex("^[0-9]{12}$", id))])
    ])
    error_message = "environments: accounts must have 12 digits each, and there must be one; in YAML, quote them."
  }
}

variable "role_prefix" {
  description = "Prefix of the names of the roles: PREFIX-plan, and PREFIX-apply-ENVIRONMENT."
  type        = string
  default     = "orch-ci"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,25}$", var.role_prefix))
    error_message = "role_prefix must have 1 to 25 characters: letters, digits and +=,.@-_."
  }
}

variable "plan_role" {
  description = "Name of the plan role in each account: `roles.plan` in live/orch.yaml."
  type        = string
  default     = "orch-plan"
  nullable    = false
}

variable "apply_role" {
  description = "Name of the apply role in each account: `roles.apply` in live/orch.yaml."
  type        = string
  default     = "orch-apply"
  nullable    = false
}

variable "break_glass_role" {
  description = "Name of the role in each account under which orch applies what a waiver allows: `roles.break_glass` in live/orch.yaml. Null: CI applies nothing that needs a waiver."
  type        = string
  default     = "orch-break-glass"
}

variable "tags" {
  description = "Tags of the roles and of the identity provider, in addition to the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
