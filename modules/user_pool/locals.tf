locals {
  # arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID
  region = split(":", aws_cognito_user_pool.this.arn)[3]

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
