mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = {
      partition  = "aws"
      dns_suffix = "amazonaws.com"
    }
  }

  mock_resource "aws_iam_policy" {
    defaults = {
      arn = "arn:aws:iam::111111111111:policy/mock"
    }
  }
}

variables {
  account_id          = "111111111111"
  name_prefix         = "ams"
  state_bucket        = "ams-111111111111-tfstate"
  trusted_account_ids = ["999999999999"]
}

run "trusts_the_named_accounts_only" {
  command = plan

  assert {
    condition = alltrue([
      for role in [aws_iam_role.plan, aws_iam_role.apply] : jsondecode(role.assume_role_policy).Statement == [{
        Sid       = "Trusted"
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { AWS = ["arn:aws:iam::999999999999:root"] }
      }]
    ])
    error_message = "both roles trust the trusted accounts, and nobody else"
  }

  assert {
    condition = (
      aws_iam_role.plan.name == "orch-plan" && aws_iam_role.apply.name == "orch-apply"
      && aws_iam_role.break_glass.name == "orch-break-glass"
    )
    error_message = "the roles have the names that orch takes for granted"
  }
}

run "break_glass_wants_to_know_who_and_why" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.break_glass.assume_role_policy).Statement == [{
      Sid       = "TrustedWithReason"
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { AWS = ["arn:aws:iam::999999999999:root"] }
      Condition = { StringLike = { "aws:RequestTag/orch:owner" = "?*", "aws:RequestTag/orch:reason" = "?*" } }
    }]
    error_message = "the break-glass role is taken by the trusted accounts only, and only with both tags"
  }

  assert {
    condition     = aws_iam_role.break_glass.max_session_duration == 3600
    error_message = "a session of the break-glass role ends within the hour"
  }
}

run "deletes_of_what_is_protected_are_left_to_break_glass" {
  command = plan

  variables {
    protected_delete_apis = ["dynamodb:DeleteTable", "cognito-idp:DeleteUserPool"]
  }

  assert {
    condition = [for policy in aws_iam_policy.deletes : jsondecode(policy.policy).Statement] == [[{
      Sid      = "ProtectedDeletes"
      Effect   = "Deny"
      Action   = ["cognito-idp:DeleteUserPool", "dynamodb:DeleteTable"]
      Resource = ["*"]
    }]]
    error_message = "each of them is denied, everywhere, in one order"
  }

  assert {
    condition = (
      setsubtract(keys(aws_iam_role_policy_attachment.apply), keys(aws_iam_role_policy_attachment.break_glass)) == toset(["deletes"])
      && length(setsubtract(keys(aws_iam_role_policy_attachment.break_glass), keys(aws_iam_role_policy_attachment.apply))) == 0
      && alltrue([for each in aws_iam_role_policy_attachment.break_glass : each.role == "orch-break-glass"])
    )
    error_message = "the break-glass role has all that the apply role has, guardrails too, but for the denied deletes"
  }
}

run "only_break_glass_empties_buckets_and_only_where_stages_are_disposable" {
  command = plan

  variables {
    disposable_stages = true
  }

  assert {
    condition = (
      [for each in aws_iam_role_policy_attachment.empty : each.role] == ["orch-break-glass"]
      && [for each in jsondecode(aws_iam_policy.empty[0].policy).Statement : each.Effect] == ["Allow", "Deny"]
    )
    error_message = "the break-glass role empties buckets, and keeps the states"
  }
}

run "too_many_deletes_for_one_policy" {
  command = plan

  variables {
    protected_delete_apis = [for number in range(120) : format("elasticfilesystem:DeleteSomethingWithALongName%03d", number)]
  }

  expect_failures = [aws_iam_policy.deletes]
}

run "copies_are_written_and_not_read" {
  command = plan

  assert {
    condition = alltrue([
      for action in flatten(jsondecode(aws_iam_policy.copies.policy).Statement[*].Action) :
      can(regex("^(cognito-idp:ListUsers|dynamodb:CreateBackup|rds:(AddTags|Create|Describe)DB|rds:AddTagsToResource)", action))
    ])
    error_message = "the policy for copies makes copies, and nothing else"
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.look.policy).Statement :
      statement.Effect == "Deny" && contains(statement.Action, "s3:GetObject")
      && contains(flatten([statement.Resource]), "arn:aws:s3:::ams-111111111111-tfstate/copies/*")
    ])
    error_message = "no role of orch reads the users that a copy holds"
  }

  assert {
    condition     = !can(regex("cognito-idp:ListUsers|dynamodb:CreateBackup", aws_iam_policy.look.policy))
    error_message = "the plan role sees no user"
  }
}

run "a_key_and_a_prefix_of_states_limit_the_roles" {
  command = plan

  variables {
    state_prefix  = "team/"
    state_kms_key = "alias/tfstate"
  }

  assert {
    condition = (
      [for each in jsondecode(aws_iam_policy.state_key[0].policy).Statement : each.Condition["ForAnyValue:StringEquals"]]
      == [{ "kms:ResourceAliases" = "alias/tfstate" }]
      && length(aws_iam_role_policy_attachment.state_key) == 3
    )
    error_message = "the three roles may use the key of the states, and no other"
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.look.policy).Statement : statement.Effect == "Deny"
      && contains(flatten([statement.Resource]), "arn:aws:s3:::ams-111111111111-tfstate/team/copies/*")
    ])
    error_message = "no role reads backups below the prefix"
  }
}

run "with_workers_the_plan_role_writes_their_objects_and_nothing_else" {
  command = plan

  variables {
    workers = true
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.look.policy).Statement : statement.Resource
      if statement.Effect == "Allow" && anytrue([for action in statement.Action : !can(regex("^[a-z0-9-]+:(Describe|Get|GET|List)", action))])
    ] == [["arn:aws:s3:::ams-111111111111-tfstate/work/*"]]
    error_message = "what a run and its workers exchange is all that the plan role may write"
  }
}

run "with_stored_plans_the_plan_role_writes_plans_and_nothing_else" {
  command = plan

  variables {
    stored_plans  = true
    state_kms_key = "alias/tfstate"
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.look.policy).Statement : [statement.Action, statement.Resource]
      if statement.Effect == "Allow" && anytrue([for action in statement.Action : !can(regex("^[a-z0-9-]+:(Describe|Get|GET|List)", action))])
    ] == [[["s3:PutObject"], ["arn:aws:s3:::ams-111111111111-tfstate/plans/*"]]]
    error_message = "stored plans are all that the plan role may write, and it removes none"
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_policy.state_key[0].policy).Statement : statement.Condition
      if statement.Sid == "PlanKey"
      ] == [{
        StringEquals               = { "kms:EncryptionContext:orch" = "plan" }
        "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/tfstate" }
    }]
    error_message = "outside of S3 the key encrypts plans only"
  }
}

run "plan_role_only_looks" {
  command = plan

  variables {
    plan_actions    = ["rds:Describe*"]
    secret_prefixes = ["/ams/"]
  }

  assert {
    condition = alltrue([
      for action in flatten(jsondecode(aws_iam_policy.look.policy).Statement[*].Action) :
      can(regex("^[a-z0-9-]+:(Describe|Get|GET|List)", action))
    ])
    error_message = "the plan role may only describe, get and list"
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_policy.look.policy).Statement : statement.Resource
      if statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : can(regex("^(ssm:GetP|secretsmanager:GetS|s3:GetO)", action))])
      ])) == toset([
      "arn:aws:s3:::ams-111111111111-tfstate/*",
      "arn:aws:ssm:*:111111111111:parameter/ams/*",
      "arn:aws:secretsmanager:*:111111111111:secret:/ams/*",
    ])
    error_message = "it reads states, and secrets below the prefixes only"
  }

  assert {
    condition     = contains(jsondecode(aws_iam_policy.look.policy).Statement[0].Action, "s3:ListBucket")
    error_message = "without s3:ListBucket the provider takes a bucket for gone"
  }
}

run "no_secret_without_a_prefix" {
  command = plan

  assert {
    condition = !anytrue([
      for action in flatten(jsondecode(aws_iam_policy.look.policy).Statement[*].Action) :
      can(regex("^(ssm:Get|secretsmanager:GetSecretValue)", action))
    ])
    error_message = "without secret_prefixes no secret is read"
  }
}

run "apply_role_is_bound" {
  command = plan

  variables {
    denied_actions = ["cognito-idp:DeleteUserPool"]
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.roles.policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == "arn:aws:iam::111111111111:policy/orch-boundary"
      if length(setintersection(statement.Action, ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"])) > 0
    ])
    error_message = "roles are made and given policies only with the boundary"
  }

  assert {
    condition = alltrue([
      for arn in flatten(jsondecode(aws_iam_policy.roles.policy).Statement[*].Resource) :
      can(regex("^arn:aws:iam::111111111111:(role|policy)/ams-\\*$", arn))
    ])
    error_message = "it makes roles and policies only under the catalogue's name"
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.guardrails.policy).Statement :
      statement.Effect == "Deny" && try(statement.NotAction == ["iam:Get*", "iam:List*"], false)
      && length(setsubtract([
        "arn:aws:iam::111111111111:role/orch-plan",
        "arn:aws:iam::111111111111:role/orch-apply",
        "arn:aws:iam::111111111111:role/orch-break-glass",
        "arn:aws:iam::111111111111:role/OrganizationAccountAccessRole",
        "arn:aws:iam::111111111111:policy/orch-boundary",
        "arn:aws:iam::111111111111:policy/orch-plan",
        "arn:aws:iam::111111111111:policy/orch-apply-*",
      ], statement.Resource)) == 0
    ])
    error_message = "it cannot change the baseline"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_policy.guardrails.policy).Statement : statement.Effect == "Deny"])
    error_message = "guardrails only deny"
  }

  assert {
    condition = contains(flatten([
      for statement in jsondecode(aws_iam_policy.guardrails.policy).Statement : try(statement.Action, [])
    ]), "cognito-idp:DeleteUserPool")
    error_message = "denied_actions are denied"
  }
}

run "policies_fit" {
  command = plan

  variables {
    secret_prefixes = ["/ams/prod/", "/ams/test/"]
    plan_actions    = ["rds:Describe*", "cloudformation:Describe*", "cloudformation:List*"]
    apply_actions   = ["rds:*", "cloudformation:*"]
  }

  assert {
    condition = alltrue([
      for policy in [
        aws_iam_policy.look, aws_iam_policy.change, aws_iam_policy.roles, aws_iam_policy.guardrails, aws_iam_policy.boundary,
        aws_iam_policy.copies,
      ] : length(policy.policy) <= 6144
    ])
    error_message = "a managed policy has at most 6144 characters"
  }
}

run "boundary_keeps_off_states_and_identities" {
  command = plan

  assert {
    condition = !anytrue([
      for action in flatten([
        for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : statement.Action if statement.Effect == "Allow"
      ]) : can(regex("^(\\*|account:|iam:|organizations:|sts:)", action))
    ])
    error_message = "a bounded role touches no identity and no account"
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement :
      statement.Effect == "Deny" && contains(statement.Action, "s3:*") && contains(statement.Resource, "arn:aws:s3:::ams-111111111111-tfstate/*")
    ])
    error_message = "a bounded role does not read states"
  }
}

run "boundary_lets_no_code_delete_what_holds_data" {
  command = plan

  assert {
    condition = !anytrue([
      for action in flatten([
        for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : statement.Action if statement.Effect == "Allow"
      ]) : can(regex("^(cognito-idp|dynamodb|s3|sqs):(\\*|Admin\\*|.*Delete(\\*|User|Group|Table|Bucket|Queue|ObjectVersion)|Purge)", action))
    ])
    error_message = "a bounded role cannot delete users, tables, buckets, queues or versions of objects"
  }
}

run "boundary_allows_a_deletion_that_is_named" {
  command = plan

  variables {
    workload_actions = ["cognito-idp:*", "cognito-idp:AdminDeleteUser"]
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_policy.boundary.policy).Statement :
      statement.Effect == "Deny" && contains(statement.Action, "cognito-idp:DeleteUserPool") && !contains(statement.Action, "cognito-idp:AdminDeleteUser")
    ])
    error_message = "a wildcard does not allow a deletion, its name does"
  }
}

run "sets_up_the_account" {
  command = plan

  variables {
    password_policy = {}
    alternate_contacts = {
      SECURITY = { name = "Security", title = "Team", email = "security@example.com", phone = "+31 20 000 0000" }
    }
  }

  assert {
    condition = alltrue([
      for block in [aws_s3_account_public_access_block.this] :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "no bucket of the account can be public"
  }

  assert {
    condition     = keys(aws_account_alternate_contact.this) == ["SECURITY"] && length(aws_iam_account_password_policy.this) == 1
    error_message = "contacts and password policy are set when they are given"
  }
}

run "refuses_what_would_open_the_account" {
  command = plan

  variables {
    account_id          = "11111111111"
    partition           = "moon"
    name_prefix         = "Ams"
    state_bucket        = "x"
    trusted_account_ids = []
    apply_role          = "orch-plan"
    boundary_policy     = "orch/boundary"
    secret_prefixes     = ["/"]
    plan_actions        = ["secretsmanager:GetSecretValue"]
    apply_actions       = ["iam:*"]
    denied_actions      = ["everything"]

    protected_delete_apis = ["cognito-idp:Delete*"]

    workload_actions   = ["sts:AssumeRole"]
    passed_to_services = ["*"]
    session_hours      = 24
    alternate_contacts = { MARKETING = { name = "M", title = "T", email = "m", phone = "none" } }
    password_policy    = { minimum_length = 4 }

    state_prefix  = "no-slash"
    state_kms_key = "tfstate"
  }

  expect_failures = [
    var.account_id, var.partition, var.name_prefix, var.state_bucket, var.trusted_account_ids, var.apply_role,
    var.boundary_policy, var.protected_delete_apis,
    var.secret_prefixes, var.plan_actions, var.apply_actions, var.denied_actions, var.workload_actions,
    var.passed_to_services, var.session_hours, var.alternate_contacts, var.password_policy,
    var.state_prefix, var.state_kms_key,
  ]
}

run "refuses_a_path_in_the_name_of_a_role" {
  command = plan

  variables {
    plan_role = "orch/plan"
  }

  expect_failures = [var.plan_role]
}

run "refuses_a_break_glass_role_that_others_take" {
  command = plan

  variables {
    break_glass_role = "orch-apply"
  }

  expect_failures = [var.break_glass_role]
}

run "changes_what_was_adopted_by_its_name_and_nothing_beside_it" {
  command = plan

  variables {
    adopted_names = { table = ["legacy"], bucket = ["acme-uploads"], log_group = ["/aws/lambda/old"], role = ["service/old"] }
  }

  assert {
    condition = alltrue([
      for arn in ["table/legacy", "table/legacy/*", "log-group:/aws/lambda/old", "log-group:/aws/lambda/old:*"] :
      length([
        for statement in jsondecode(aws_iam_policy.change.policy).Statement :
        statement if length([for each in flatten([statement.Resource]) : each if endswith(each, ":${arn}")]) == 1
      ]) == 1
    ])
    error_message = "the apply role changes tables and log groups with these names"
  }

  assert {
    condition = length([
      for statement in jsondecode(aws_iam_policy.change.policy).Statement :
      statement if contains(flatten([statement.Resource]), "arn:aws:s3:::acme-uploads")
    ]) == 1
    error_message = "the apply role changes the bucket, not its objects"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.roles.policy).Statement :
      contains(flatten([statement.Resource]), "arn:aws:iam::111111111111:role/service/old") == (statement.Sid != "NamedPolicies")
    ])
    error_message = "the apply role changes the role, under the same conditions as its own"
  }

  assert {
    condition     = strcontains(aws_iam_policy.copies.policy, "table/legacy")
    error_message = "it backs up the table, too"
  }
}

run "adopts_no_wildcard_and_not_the_state_bucket" {
  command = plan

  variables {
    adopted_names = { table = ["*"], bucket = ["ams-111111111111-tfstate"] }
  }

  expect_failures = [var.adopted_names]
}
