mock_provider "aws" {
  override_during = plan

  mock_resource "aws_s3_bucket" {
    defaults = {
      arn = "arn:aws:s3:::ams-prod-documents-111111111111"
    }
  }
}

variables {
  names = { bucket = "ams-prod-documents-111111111111" }
}

run "is_private_and_keeps_old_versions" {
  command = plan

  assert {
    condition = alltrue([
      for block in [aws_s3_bucket_public_access_block.this] :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "nothing may be public"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && !aws_s3_bucket.this.force_destroy
    error_message = "old versions are kept, and a bucket with objects is not destroyed"
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[0].noncurrent_version_expiration[0].noncurrent_days == 90
    error_message = "old versions go after 90 days"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "objects are encrypted"
  }
}

run "denies_requests_without_tls" {
  command = plan

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*"
      && statement.Condition.Bool["aws:SecureTransport"] == "false"
      && toset(statement.Resource) == toset([output.bucket_arn, "${output.bucket_arn}/*"])
    ])
    error_message = "the policy must deny every request without TLS, to the bucket and its objects"
  }
}

run "expires_what_it_is_told_to" {
  command = plan

  variables {
    expire      = { "tmp/" = 7 }
    kms_key_arn = "arn:aws:kms:eu-west-1:111111111111:key/1"
  }

  assert {
    condition = (
      aws_s3_bucket_lifecycle_configuration.this.rule[1].filter[0].prefix == "tmp/"
      && aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration[0].days == 7
    )
    error_message = "objects under tmp/ go after 7 days"
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "a key is used when there is one"
  }
}

run "refuses_what_s3_would" {
  command = plan

  variables {
    names             = { bucket = "Ams.Documents" }
    old_versions_days = 0
    expire            = { "tmp/" = 0.5 }
    kms_key_arn       = "mine"
  }

  expect_failures = [var.names, var.old_versions_days, var.expire, var.kms_key_arn]
}
