variable "names" {
  description = "Names in AWS: of the queue; its dead-letter queue has the same name with -dlq."
  nullable    = false

  type = object({
    queue = string
  })

  validation {
    condition     = can(regex("^[\\w-]{1,80}$", var.names.queue))
    error_message = "names.queue must be 1 to 80 letters, digits or _- characters."
  }
}

variable "senders" {
  description = "Principals that may send from elsewhere: ids of accounts, or ARNs of roles. Its own account needs no entry."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for sender in var.senders : can(regex("^([0-9]{12}|arn:[^:]+:iam::[0-9]{12}:(root|(role|user)/[\\w+=,.@/-]+))$", sender))
    ])
    error_message = "senders are account ids of 12 digits, quoted in YAML, or ARNs of roles."
  }
}

variable "visibility_timeout_seconds" {
  description = "For how many seconds a message that was received is hidden from other receivers."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.visibility_timeout_seconds >= 0 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds is 0 to 43200."
  }
}

variable "retention_days" {
  description = "For how many days a message that nobody receives is kept. The dead-letter queue keeps it for 14."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 14 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days is a whole number, 1 to 14."
  }
}

variable "max_receives" {
  description = "After how many failed deliveries a message goes to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receives >= 1 && var.max_receives <= 1000
    error_message = "max_receives is 1 to 1000."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the messages; SQS's own keys when null. Senders of other accounts need the key, too."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key."
  }
}

variable "tags" {
  description = "Tags of both queues, beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
