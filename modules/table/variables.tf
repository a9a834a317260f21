variable "names" {
  description = "Names in AWS: `table` is the prefix of every table's name, followed by the table's key in `tables`."
  nullable    = false

  type = object({
    table = string
  })

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{1,190}$", var.names.table))
    error_message = "names.table must have 1 to 190 characters: letters, digits and _.-."
  }
}

variable "tables" {
  description = <<-EOT
    Tables: key -> its keys, indexes and time to live. A key's `type` is S (string), N (number) or B (binary). `ttl` names the
    attribute with the time, in seconds since 1970, at which an item expires. Changing `hash_key`, `range_key` or the key in
    this map replaces the table.
  EOT
  nullable    = false

  type = map(object({
    hash_key  = object({ name = string, type = optional(string, "S") })
    range_key = optional(object({ name = string, type = optional(string, "S") }))
    ttl       = optional(string)
    indexes = optional(map(object({
      hash_key   = object({ name = string, type = optional(string, "S") })
      range_key  = optional(object({ name = string, type = optional(string, "S") }))
      projection = optional(string, "ALL")
      attributes = optional(set(string))
    })), {})
  }))

  validation {
    condition     = length(var.tables) > 0
    error_message = "tables must have at least one table."
  }

  validation {
    condition = alltrue(flatten([
      for name, table in var.tables : [
        for key in concat([name], keys(table.indexes)) : can(regex("^[a-zA-Z0-9_.-]{3,64}$", key))
      ]
    ]))
    error_message = "The key of a table and the name of an index must have 3 to 64 characters: letters, digits and _.-."
  }

  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [
        for key in concat(
          [table.hash_key, table.range_key],
          flatten([for index in values(table.indexes) : [index.hash_key, index.range_key]]),
        ) : key == null ? true : contains(["S", "N", "B"], key.type)
      ]
    ]))
    error_message = "The type of a key must be S, N or B."
  }

  validation {
    condition = alltrue([
      for table in values(var.tables) : alltrue([
        for types in values({
          for key in concat(
            [table.hash_key, table.range_key],
            flatten([for index in values(table.indexes) : [index.hash_key, index.range_key]]),
          ) : key.name => key.type... if key != null
        }) : length(distinct(types)) == 1
      ])
    ])
    error_message = "An attribute that is used as a key several times must always have the same type."
  }

  validation {
    condition = alltrue(flatten([
      for table in values(var.tables) : [
        for index in values(table.indexes) : contains(["ALL", "KEYS_ONLY", "INCLUDE"], index.projection)
        && (index.projection == "INCLUDE") == (length(coalesce(index.attributes, [])) > 0)
      ]
    ]))
    error_message = "The projection of an index must be ALL, KEYS_ONLY or INCLUDE; only INCLUDE has attributes."
  }
}

variable "point_in_time_recovery" {
  description = "Whether each table can be restored to any second of the last 35 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables. Set it to false before you remove them."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the tables; a key owned by DynamoDB when null."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "tags" {
  description = "Tags of the tables, in addition to the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
