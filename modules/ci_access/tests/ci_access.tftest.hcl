mock_provider "aws" {
  override_during = plan
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "999999999999" }
}

override_data {
  target = data.aws_partition.current
  values = { partition = "aws" }
}

variables {
  plan_subjects = ["repo:acme/platform:pull_request", "repo:acme/platform:ref:refs/heads/main"]
  plan_accounts = ["111111111111", "222222222222"]
  environments = {
    prod = { subject = "repo:acme/platform:environment:prod", accounts = ["111111111111"] }
    dev  = { subject = "repo:acme/platform:environment:dev", accounts = ["222222222222"] }
  }
}

run "only_its_environment_enters_an_apply_role" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.apply["prod"].assume_role_policy).Statement[*].Condition == [{
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:acme/platform:environment:prod"
      }
    }]
    error_message = "audience and subject are compared, without wildcards"
  }

  assert {
    condition = jsondecode(aws_iam_role.apply["prod"].assume_role_policy).Statement[*].Principal == [{
      Federated = "arn:aws:iam::999999999999:oidc-provider/token.actions.githubusercontent.com"
    }]
    error_message = "only tokens of the issuer"
  }

  assert {
    condition = flatten(jsondecode(aws_iam_role_policy.apply["prod"].policy).Statement[*].Resource) == [
      "arn:aws:iam::111111111111:role/orch-plan",
      "arn:aws:iam::111111111111:role/orch-apply",
      "arn:aws:iam::111111111111:role/orch-break-glass",
    ]
    error_message = "the roles of its own accounts only"
  }
}

run "jobs_that_plan_enter_plan_roles_only" {
  command = plan

  assert {
    condition = flatten(jsondecode(aws_iam_role_policy.plan.policy).Statement[*].Resource) == [
      "arn:aws:iam::111111111111:role/orch-plan",
      "arn:aws:iam::222222222222:role/orch-plan",
    ]
    error_message = "no other role"
  }

  assert {
    condition = jsondecode(aws_iam_role.plan.assume_role_policy).Statement[0].Condition.StringLike == {
      "token.actions.githubusercontent.com:sub" = ["repo:acme/platform:pull_request", "repo:acme/platform:ref:refs/heads/main"]
    }
    error_message = "the subjects that were given"
  }
}

run "without_break_glass" {
  command = plan

  variables {
    break_glass_role = null
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.apply["prod"].policy).Statement[*].Sid == ["PlanAndApplyRoles"]
    error_message = "nothing that needs a waiver is applied"
  }
}

run "of_gitlab_with_the_identity_provider_that_exists" {
  command = plan

  variables {
    issuer          = "gitlab.example.com"
    create_provider = false
    plan_subjects   = ["project_path:acme/platform:ref_type:branch:ref:*"]
    environments    = {}
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0 && length(aws_iam_role.apply) == 0
    error_message = "AWS allows one for each issuer"
  }
}

run "refuses_what_lets_too_many_in" {
  command = plan

  variables {
    issuer        = "https://gitlab.com"
    plan_subjects = ["repo:*"]
    plan_accounts = ["*"]
    role_prefix   = "a b"
    environments  = { prod = { subject = "repo:acme/platform:*", accounts = ["111111111111"] } }
  }

  expect_failures = [var.issuer, var.plan_subjects, var.plan_accounts, var.role_prefix, var.environments]
}
