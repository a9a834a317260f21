# Rendered by orch for prod/rich. Change live/ or modules/rich, not this file.

ephemeral "aws_ssm_parameter" "secret_stripe_key" {
  arn = "arn:aws:ssm:eu-west-1:111111111111:parameter/t/prod/stripe"
}
ephemeral "aws_secretsmanager_secret_version" "secret_db" {
  secret_id = "prod/db"
}

locals {
  inputs = jsondecode(file("${path.module}/inputs.json"))
}

module "this" {
  source = "./modules/rich"
  providers = {
    aws = aws
    aws.edge = aws.edge
  }
  archive = local.inputs["archive"]
  environment = { "PLAIN" = local.inputs["environment"]["PLAIN"], "POOL" = local.upstream["prod/first"]["value"]["pool"]["id"] }
  key = local.upstream["prod/first"]["value"]["list"][0]
  names = local.inputs["names"]
  pool = local.upstream["prod/first"]["value"]["pool"]["id"]
  text = join("", [local.inputs["text"][0], local.upstream["prod/first"]["id"], local.inputs["text"][2]])
  stripe_key = ephemeral.aws_ssm_parameter.secret_stripe_key.value
  db = ephemeral.aws_secretsmanager_secret_version.secret_db.secret_string
}

output "arn" {
  value = module.this.arn
}

output "secret" {
  value = module.this.secret
  sensitive = true
}

moved {
  from = module.this.aws_sqs_queue.old["a"]
  to   = module.this.aws_sqs_queue.this
}

import {
  to = module.this.aws_sqs_queue.this
  id = "https://sqs/111111111111/q"
}
