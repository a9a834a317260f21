variable "names" {
  description = "Names in AWS: of the bucket, unique among all buckets of all accounts. Another name replaces the bucket."
  nullable    = false

  type = object({
    bucket = string
  })

  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.names.bucket)) && !startswith(var.names.bucket, "xn--")
    )
    error_message = "names.bucket must be 3 to 63 of a-z, 0-9 and -, without a dot: TLS certificates do not cover dots."
  }
}

variable "old_versions_days" {
  description = "For how many days an overwritten or deleted object can be brought back."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.old_versions_days >= 1 && floor(var.old_versions_days) == var.old_versions_days
    error_message = "old_versions_days is a whole number of days, at least 1."
  }
}

variable "expire" {
  description = "Prefix of keys -> days after which objects under it are deleted; the prefix \"\" is the whole bucket."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for days in values(var.expire) : days >= 1 && floor(days) == days])
    error_message = "expire has whole numbers of days, at least 1."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects; S3's own keys when null."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key."
  }
}

variable "tags" {
  description = "Tags of the bucket, beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
