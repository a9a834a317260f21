variable "names" {
  description = "Names in AWS: `bucket`, unique across all AWS accounts. Changing it replaces the bucket."
  nullable    = false

  type = object({
    bucket = string
  })

  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.names.bucket)) && !startswith(var.names.bucket, "xn--")
    )
    error_message = "names.bucket must have 3 to 63 characters (a-z, 0-9 and -) and no dots, because TLS certificates do not cover them."
  }
}

variable "old_versions_days" {
  description = "Number of days for which an overwritten or deleted object can be restored."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.old_versions_days >= 1 && floor(var.old_versions_days) == var.old_versions_days
    error_message = "old_versions_days must be a whole number, at least 1."
  }
}

variable "expire" {
  description = "Key prefix -> number of days after which objects with this prefix are deleted; \"\" applies to the whole bucket."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for days in values(var.expire) : days >= 1 && floor(days) == days])
    error_message = "The values of expire must be whole numbers, at least 1."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects; keys managed by S3 when null."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "tags" {
  description = "Tags of the bucket, in addition to the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
