variable "names" {
  description = "Names in AWS: the function (and its log group), its role and its HTTP API."
  nullable    = false

  type = object({
    function = string
    role     = string
    api      = string
  })

  validation {
    condition     = can(regex("^[\\w-]{1,64}$", var.names.function)) && can(regex("^[\\w+=,.@-]{1,64}$", var.names.role))
    error_message = "names.function and names.role must have 1 to 64 characters: letters, digits, - and _; names.role also +=,.@."
  }
}

variable "archive" {
  description = "Path of the zip file with the function's code. orch creates it from the folder in the stack's `archives`."
  type        = string
  nullable    = false

  validation {
    condition     = endswith(var.archive, ".zip")
    error_message = "archive must be the path of a zip file: set the source folder with `archives: {archive: FOLDER}`."
  }
}

variable "handler" {
  description = "Entry point in the code: FILE.FUNCTION."
  type        = string
  default     = "app.handler"
  nullable    = false

  validation {
    condition     = can(regex("^[^\\s]{1,128}$", var.handler))
    error_message = "handler must have 1 to 128 characters without spaces."
  }
}

variable "runtime" {
  description = "Lambda runtime: python3.12, nodejs22.x."
  type        = string
  default     = "python3.12"
  nullable    = false

  validation {
    condition     = can(regex("^(python3\\.|nodejs|java|dotnet|ruby|provided\\.)[a-z0-9.]*$", var.runtime))
    error_message = "runtime must be a Lambda runtime: python3.12, nodejs22.x, java21, dotnet8, ruby3.3, provided.al2023."
  }
}

variable "architecture" {
  description = "Processor architecture: arm64, or x86_64 if the code contains binaries for it."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "memory" {
  description = "Memory in MB; CPU power is proportional to it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240 && floor(var.memory) == var.memory
    error_message = "memory must be a whole number of MB from 128 to 10240."
  }
}

variable "timeout" {
  description = "Timeout of the function in seconds. The HTTP API waits for at most 30."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 30 && floor(var.timeout) == var.timeout
    error_message = "timeout must be a whole number of seconds from 1 to 30."
  }
}

variable "environment" {
  description = "Environment variables of the function; null values are omitted. USER_POOL_ID is always set."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[a-zA-Z][a-zA-Z0-9_]+$", name))])
    error_message = "The name of an environment variable must be a letter followed by letters, digits or _."
  }
}

variable "pool_arn" {
  description = "ARN of the user pool whose tokens the API accepts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:cognito-idp:[^:]+:[0-9]{12}:userpool/", var.pool_arn))
    error_message = "pool_arn must be the ARN of a user pool."
  }
}

variable "audience" {
  description = "IDs of the app clients whose tokens the API accepts."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.audience) > 0
    error_message = "audience must have at least one client ID: otherwise nobody could call the API."
  }
}

variable "routes" {
  description = <<-EOT
    Routes of the API: `METHOD /path` or `$default` -> scopes, one of which a token must have, and whether the route can be
    called without a token.
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
    error_message = "A route must be `METHOD /path`, `ANY /path` or `$default`."
  }

  validation {
    condition     = alltrue([for route in values(var.routes) : !route.public || length(route.scopes) == 0])
    error_message = "A public route must not have scopes, because it requires no token."
  }
}

variable "origin" {
  description = "Origin of the web app from which browsers can call the API (CORS); none when null."
  type        = string
  default     = null

  validation {
    condition     = var.origin == null || can(regex("^https?://[^/*]+$", var.origin))
    error_message = "origin must be https:// and a host, without a path or wildcards."
  }
}

variable "tables" {
  description = "Tables whose items the function reads and writes, in the format of the output `tables` of the module table."
  default     = {}
  nullable    = false

  type = map(object({
    name = string
    arn  = string
  }))
}

variable "buckets" {
  description = "Buckets whose objects the function accesses: ARN, and `access`: read or write (which includes read)."
  default     = {}
  nullable    = false

  type = map(object({
    arn    = string
    access = optional(string, "read")
  }))

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : contains(["read", "write"], bucket.access)])
    error_message = "access must be read or write."
  }
}

variable "bpm_queue" {
  description = "ARN of the queue that the function sends messages to; none when null."
  type        = string
  default     = null
}

variable "secret_arns" {
  description = "ARNs of the SSM parameters and Secrets Manager secrets that the function reads at runtime."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.secret_arns : can(regex("^arn:[^:]+:(ssm:[^:]*:[0-9]{12}:parameter/|secretsmanager:[^:]*:[0-9]{12}:secret:)", arn))
    ])
    error_message = "secret_arns must be ARNs of SSM parameters or Secrets Manager secrets."
  }
}

variable "boundary" {
  description = "ARN of the permissions boundary of the function's role. The account baseline creates it, and the apply role requires it."
  type        = string
  default     = null

  validation {
    condition     = var.boundary == null || can(regex("^arn:[^:]+:iam::[0-9]{12}:policy/", var.boundary))
    error_message = "boundary must be the ARN of an IAM policy."
  }
}

variable "log_retention_days" {
  description = "Number of days for which logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "log_retention_days must be a value that CloudWatch supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400 and so on."
  }
}

variable "throttle" {
  description = "Requests per second that the API allows: the steady rate and the burst."
  default     = {}
  nullable    = false

  type = object({
    rate  = optional(number, 100)
    burst = optional(number, 200)
  })

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst > 0
    error_message = "throttle.rate and throttle.burst must be greater than 0."
  }
}

variable "tags" {
  description = "Tags of all resources, in addition to the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
