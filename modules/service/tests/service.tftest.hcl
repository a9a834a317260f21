mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/ams-prod-api"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::111111111111:role/ams-prod-api"
    }
  }

  mock_resource "aws_lambda_function" {
    defaults = {
      arn        = "arn:aws:lambda:eu-west-1:111111111111:function:ams-prod-api"
      invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/x/invocations"
    }
  }

  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      execution_arn = "arn:aws:execute-api:eu-west-1:111111111111:abc123"
    }
  }
}

variables {
  names    = { function = "ams-prod-api", role = "ams-prod-api", api = "ams-prod-api" }
  archive  = "tests/code.zip"
  pool_arn = "arn:aws:cognito-idp:eu-west-1:111111111111:userpool/eu-west-1_Abc123"
  audience = ["client1"]
}

run "lets_in_who_has_a_token_of_the_pool" {
  command = plan

  assert {
    condition = (
      one(aws_apigatewayv2_authorizer.pool.jwt_configuration).issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc123"
      && one(aws_apigatewayv2_authorizer.pool.jwt_configuration).audience == toset(["client1"])
    )
    error_message = "the authorizer trusts the pool and its client"
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.this : route.authorization_type == "JWT"])
    error_message = "no route is open by default"
  }

  assert {
    condition     = aws_lambda_permission.api.source_arn == "arn:aws:execute-api:eu-west-1:111111111111:abc123/*"
    error_message = "only this API may call the function"
  }
}

run "may_do_nothing_but_log_by_default" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid == ["Log"]
    error_message = "what was not given is not allowed"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[0].Resource == ["arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/ams-prod-api:*"]
    error_message = "it writes to its own log only"
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables == tomap({ USER_POOL_ID = "eu-west-1_Abc123" })
    error_message = "the function knows its pool"
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("tests/code.zip")
    error_message = "other code is another hash"
  }
}

run "may_use_what_it_was_given" {
  command = plan

  variables {
    tables = { users = { name = "ams-prod-data-users", arn = "arn:aws:dynamodb:eu-west-1:111111111111:table/ams-prod-data-users" } }
    buckets = {
      documents = { arn = "arn:aws:s3:::ams-prod-documents-111111111111", access = "write" }
      archive   = { arn = "arn:aws:s3:::ams-prod-archive-111111111111" }
    }
    bpm_queue   = "arn:aws:sqs:eu-west-1:333333333333:ams-bpm-prod-tasks"
    secret_arns = ["arn:aws:ssm:eu-west-1:111111111111:parameter/ams/prod/key", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:ams/prod/key-x"]
    boundary    = "arn:aws:iam::111111111111:policy/orch-boundary"
    environment = { TABLE = "ams-prod-data-users", NOTHING = null }
    origin      = "https://prod.example.com"
  }

  assert {
    condition = toset([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource[0]
      ]) == toset([
      "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/ams-prod-api:*",
      "arn:aws:dynamodb:eu-west-1:111111111111:table/ams-prod-data-users",
      "arn:aws:s3:::ams-prod-documents-111111111111",
      "arn:aws:s3:::ams-prod-archive-111111111111",
      "arn:aws:sqs:eu-west-1:333333333333:ams-bpm-prod-tasks",
      "arn:aws:ssm:eu-west-1:111111111111:parameter/ams/prod/key",
      "arn:aws:secretsmanager:eu-west-1:111111111111:secret:ams/prod/key-x",
    ])
    error_message = "each thing that was given has a statement, and nothing else has one"
  }

  assert {
    condition = jsonencode({
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Resource[0] => contains(statement.Action, "s3:PutObject") if startswith(statement.Sid, "Bucket")
      }) == jsonencode({
      "arn:aws:s3:::ams-prod-archive-111111111111"   = false
      "arn:aws:s3:::ams-prod-documents-111111111111" = true
    })
    error_message = "it writes only where it has write access"
  }

  assert {
    condition     = !anytrue([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : contains(statement.Resource, "*")])
    error_message = "no statement is about everything"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::111111111111:policy/orch-boundary"
    error_message = "the role is bounded"
  }

  assert {
    condition     = keys(aws_lambda_function.this.environment[0].variables) == tolist(["TABLE", "USER_POOL_ID"])
    error_message = "a variable that is null is left out"
  }

  assert {
    condition     = one(aws_apigatewayv2_api.this.cors_configuration).allow_origins == toset(["https://prod.example.com"])
    error_message = "browsers may call from the origin only"
  }
}

run "opens_only_the_route_that_is_public" {
  command = plan

  variables {
    routes = {
      "$default"   = {}
      "GET /alive" = { public = true }
      "POST /pay"  = { scopes = ["payments/write"] }
    }
  }

  assert {
    condition = jsonencode({ for key, route in aws_apigatewayv2_route.this : key => route.authorization_type }) == (
      jsonencode({ "$default" = "JWT", "GET /alive" = "NONE", "POST /pay" = "JWT" })
    )
    error_message = "a route is open only when it says so"
  }

  assert {
    condition     = aws_apigatewayv2_route.this["POST /pay"].authorization_scopes == toset(["payments/write"])
    error_message = "scopes are demanded"
  }
}

run "refuses_what_makes_no_sense" {
  command = plan

  variables {
    names              = { function = "ams/prod/api", role = "ams-prod-api", api = "ams-prod-api" }
    handler            = "app handler"
    pool_arn           = "eu-west-1_Abc123"
    audience           = []
    memory             = 100
    timeout            = 60
    runtime            = "cobol"
    architecture       = "arm"
    origin             = "https://*.example.com"
    boundary           = "orch-boundary"
    log_retention_days = 31
    routes             = { "FETCH /" = {} }
    buckets            = { documents = { arn = "x", access = "all" } }
    environment        = { "1" = "x" }
    secret_arns        = ["/ams/prod/key"]
    throttle           = { rate = 0 }
  }

  expect_failures = [
    var.names, var.handler, var.pool_arn, var.audience, var.memory, var.timeout, var.runtime, var.architecture, var.origin, var.boundary,
    var.log_retention_days, var.routes, var.buckets, var.environment, var.secret_arns, var.throttle,
  ]
}

run "refuses_a_folder_for_the_archive" {
  command = plan

  variables {
    archive = "services/api"
  }

  expect_failures = [var.archive]
}
