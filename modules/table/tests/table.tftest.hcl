mock_provider "aws" {
  override_during = plan

  mock_resource "aws_dynamodb_table" {
    defaults = {
      arn = "arn:aws:dynamodb:eu-west-1:111111111111:table/ams-prod-data-users"
    }
  }
}

variables {
  names = { table = "ams-prod-data" }

  tables = {
    users = {
      hash_key = { name = "id" }
      ttl      = "expires_at"
      indexes = {
        by-email = { hash_key = { name = "email" } }
        by-age   = { hash_key = { name = "email" }, range_key = { name = "age", type = "N" }, projection = "KEYS_ONLY" }
      }
    }
    orders = { hash_key = { name = "id" }, range_key = { name = "at", type = "N" } }
  }
}

run "is_protected_unless_told_otherwise" {
  command = plan

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.deletion_protection_enabled])
    error_message = "a table must refuse its deletion by default"
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled])
    error_message = "a table must be recoverable by default"
  }
}

run "names_tables_by_their_keys" {
  command = plan

  assert {
    condition     = output.tables.users.name == "ams-prod-data-users" && keys(output.tables) == ["orders", "users"]
    error_message = "the output tables has name and ARN under each key"
  }
}

run "declares_keys_and_nothing_else" {
  command = plan

  assert {
    condition = jsonencode({ for attribute in aws_dynamodb_table.this["users"].attribute : attribute.name => attribute.type }) == (
      jsonencode({ age = "N", email = "S", id = "S" })
    )
    error_message = "each attribute that is a key is declared once, a ttl is not"
  }

  assert {
    condition     = aws_dynamodb_table.this["users"].ttl[0].attribute_name == "expires_at" && length(aws_dynamodb_table.this["orders"].ttl) == 0
    error_message = "ttl is set where it is wanted"
  }

  assert {
    condition     = length(aws_dynamodb_table.this["users"].global_secondary_index) == 2
    error_message = "each index is there"
  }
}

run "refuses_no_tables" {
  command = plan

  variables {
    tables = {}
  }

  expect_failures = [var.tables]
}

run "refuses_keys_that_contradict_each_other" {
  command = plan

  variables {
    names       = { table = "ams/prod" }
    kms_key_arn = "alias/mine"
    tables = {
      users = {
        hash_key = { name = "id", type = "String" }
        indexes  = { by-id = { hash_key = { name = "id" }, projection = "INCLUDE" } }
      }
    }
  }

  expect_failures = [var.names, var.tables, var.kms_key_arn]
}
