variable "names" {
  description = "Names in AWS: `queue`. The dead-letter queue has the same name with the suffix -dlq."
  nullable    = false

  type = object({
    queue = string
  })

  validation {
    condition     = can(regex("^[\\w-]{1,80}$", var.names.queue))
    error_message = "names.queue must have 1 to 80 characters: letters, digits, _ and -."
  }
}

variable "senders" {
  description = "Principals in other accounts that can send messages: account IDs or ARNs of roles. The queue's own account needs no entry."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for sender in var.senders : can(regex("^([0-9]{12}|arn:[^:]+:iam::[0-9]{12}:(root|(role|user)/[\\w+=,.@/-]+))$", sender))
    ])
    error_message = "senders must be account IDs of 12 digits (quoted in YAML) or ARNs of roles."
  }
}

variable "visibility_timeout_seconds" {
  description = "Number of seconds for which a received message is hidden from other consumers."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.visibility_timeout_seconds >= 0 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds must be 0 to 43200."
  }
}

variable "retention_days" {
  description = "Number of days for which the queue keeps a message that is not received. The dead-letter queue keeps it for 14 days."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 14 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 1 to 14."
  }
}

variable "max_receives" {
  description = "Number of failed deliveries after which a message moves to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receives >= 1 && var.max_receives <= 1000
    error_message = "max_receives must be 1 to 1000."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the messages; keys managed by SQS when null. Senders in other accounts also need access to the key."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "tags" {
  description = "Tags of both queues, in addition to the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
