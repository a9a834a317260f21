variable "names" {
  description = "Names in AWS: of the function (and its log group), its role and its HTTP API."
  nullable    = false

  type = object({
    function = string
    role     = string
    api      = string
  })

  validation {
    condition     = can(regex("^[\\w-]{1,64}$", var.names.function)) && can(regex("^[\\w+=,.@-]{1,64}$", var.names.role))
    error_message = "names.function and names.role must be 1 to 64 letters, digits, - or _; the role also +=,.@ characters."
  }
}

variable "archive" {
  description = "Path of the zip with the function's code; orch makes it from the folder that the stack names in `archives`."
  type        = string
  nullable    = false

  validation {
    condition     = endswith(var.archive, ".zip")
    error_message = "archive is the path of a zip: name the folder of source under `archives: {archive: FOLDER}`."
  }
}

variable "handler" {
  description = "The function in the code that is called: FILE.FUNCTION."
  type        = string
  default     = "app.handler"
  nullable    = false

  validation {
    condition     = can(regex("^[^\\s]{1,128}$", var.handler))
    error_message = "handler has 1 to 128 characters, none of them a space."
  }
}

variable "runtime" {
  description = "Lambda's name of the language: python3.12, nodejs22.x."
  type        = string
  default     = "python3.12"
  nullable    = false

  validation {
    condition     = can(regex("^(python3\\.|nodejs|java|dotnet|ruby|provided\\.)[a-z0-9.]*$", var.runtime))
    error_message = "runtime is one of Lambda's: python3.12, nodejs22.x, java21, dotnet8, ruby3.3, provided.al2023."
  }
}

variable "architecture" {
  description = "Processor: arm64, or x86_64 where the code has binaries for it."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "memory" {
  description = "Memory in MB; processor time comes with it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240 && floor(var.memory) == var.memory
    error_message = "memory is a whole number of MB, 128 to 10240."
  }
}

variable "timeout" {
  description = "Seconds after which a call is stopped; the HTTP API itself waits for at most 30."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 30 && floor(var.timeout) == var.timeout
    error_message = "timeout is a whole number of seconds, 1 to 30."
  }
}

variable "environment" {
  description = "Environment variables of the function; one that is null is left out. USER_POOL_ID is always there."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[a-zA-Z][a-zA-Z0-9_]+$", name))])
    error_message = "The name of an environment variable is a letter, then letters, digits or _."
  }
}

variable "pool_arn" {
  description = "ARN of the user pool whose tokens the API accepts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:cognito-idp:[^:]+:[0-9]{12}:userpool/", var.pool_arn))
    error_message = "pool_arn is the ARN of a user pool."
  }
}

variable "audience" {
  description = "Ids of the pool's clients whose tokens the API accepts."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.audience) > 0
    error_message = "audience needs at least one client id: without one, nobody could call the API."
  }
}

variable "routes" {
  description = <<-EOT
    Routes of the API: `METHOD /path` or `$default` -> the scopes that a token needs one of, and whether anybody may call it
    without a token.
  EOT
  default     = { "$default" = {} }
  nullable    = false

  type = map(object({
    scopes = optional(set(string), [])
    public = optional(bool, false)
  }))

  validation {
    condition = alltrue([
      for route in keys(var.routes) : can(regex("^(\\$default|(ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) /.*)$", route))
    ])
    error_message = "A route is `METHOD /path`, `ANY /path` or `$default`."
  }

  validation {
    condition     = alltrue([for route in values(var.routes) : !route.public || length(route.scopes) == 0])
    error_message = "A public route takes no token, so it has no scopes."
  }
}

variable "origin" {
  description = "Address of the web app that browsers may call the API from (CORS); none when null."
  type        = string
  default     = null

  validation {
    condition     = var.origin == null || can(regex("^https?://[^/*]+$", var.origin))
    error_message = "origin is https:// and a host, without a path or a star."
  }
}

variable "tables" {
  description = "Tables whose items the function reads and writes, as the output `tables` of the module table."
  default     = {}
  nullable    = false

  type = map(object({
    name = string
    arn  = string
  }))
}

variable "buckets" {
  description = "Buckets whose objects the function uses: ARN, and `access` read or write (which includes read)."
  default     = {}
  nullable    = false

  type = map(object({
    arn    = string
    access = optional(string, "read")
  }))

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : contains(["read", "write"], bucket.access)])
    error_message = "access to a bucket is read or write."
  }
}

variable "bpm_queue" {
  description = "ARN of the queue that the function sends tasks to; none when null."
  type        = string
  default     = null
}

variable "secret_arns" {
  description = "ARNs of the SSM parameters and Secrets Manager secrets that the function reads when it runs."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.secret_arns : can(regex("^arn:[^:]+:(ssm:[^:]*:[0-9]{12}:parameter/|secretsmanager:[^:]*:[0-9]{12}:secret:)", arn))
    ])
    error_message = "secret_arns are ARNs of SSM parameters or of Secrets Manager secrets."
  }
}

variable "boundary" {
  description = "ARN of the permission boundary of the function's role; the account's baseline makes it, the apply role demands it."
  type        = string
  default     = null

  validation {
    condition     = var.boundary == null || can(regex("^arn:[^:]+:iam::[0-9]{12}:policy/", var.boundary))
    error_message = "boundary is the ARN of an IAM policy."
  }
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "log_retention_days is one of CloudWatch's: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400 and so on."
  }
}

variable "throttle" {
  description = "Calls a second that the API lets through, on average and at once."
  default     = {}
  nullable    = false

  type = object({
    rate  = optional(number, 100)
    burst = optional(number, 200)
  })

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst > 0
    error_message = "throttle.rate and throttle.burst are above 0."
  }
}

variable "tags" {
  description = "Tags of all resources, beside the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
