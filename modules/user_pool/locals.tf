locals {
  # arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID
  region = split(":", aws_cognito_user_pool.this.arn)[3]

  # Custom attributes get a prefix here, because a pool can have a custom attribute that is named like a standard one.
  schema = merge(
    { for name, each in var.attributes : "custom:${name}" => merge(each, { name = name, required = false }) },
    { for name, each in var.standard_attributes : name => merge(each, { name = name, developer_only = false }) },
  )

  data_types = {
    string   = "String"
    number   = "Number"
    datetime = "DateTime"
    boolean  = "Boolean"
  }

  seconds = {
    seconds = 1
    minutes = 60
    hours   = 3600
    days    = 86400
  }
}
