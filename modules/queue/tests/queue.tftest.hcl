mock_provider "aws" {
  override_during = plan
}

override_resource {
  target          = aws_sqs_queue.dead_letter
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:333333333333:ams-bpm-prod-tasks-dlq" }
}

variables {
  names = { queue = "ams-bpm-prod-tasks" }
}

run "is_encrypted_and_has_a_dead_letter_queue" {
  command = plan

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.dead_letter.sqs_managed_sse_enabled
    error_message = "messages are encrypted"
  }

  assert {
    condition     = aws_sqs_queue.dead_letter.name == "ams-bpm-prod-tasks-dlq" && aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
    error_message = "the dead-letter queue is named after the queue and keeps messages for 14 days"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.this.redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:333333333333:ams-bpm-prod-tasks-dlq"
      maxReceiveCount     = 5
    }
    error_message = "what cannot be delivered goes to the dead-letter queue"
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this.policy).Statement[*].Sid == ["TlsOnly"]
    error_message = "nobody else is let in, and nobody without TLS"
  }
}

run "lets_senders_of_other_accounts_in" {
  command = plan

  variables {
    senders = ["111111111111", "arn:aws:iam::222222222222:role/ams-dev-api"]
  }

  assert {
    condition = toset([
      for statement in jsondecode(aws_sqs_queue.this.policy).Statement : statement.Principal.AWS if statement.Effect == "Allow"
    ]) == toset(["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:role/ams-dev-api"])
    error_message = "each sender is a principal of its own"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_sqs_queue.this.policy).Statement :
      statement.Resource == "arn:aws:sqs:eu-west-1:333333333333:ams-bpm-prod-tasks"
    ])
    error_message = "the policy is about this queue"
  }

  assert {
    condition = !anytrue([
      for statement in jsondecode(aws_sqs_queue.this.policy).Statement :
      contains(statement.Action, "sqs:ReceiveMessage") if statement.Effect == "Allow"
    ])
    error_message = "senders send, they do not receive"
  }
}

run "keeps_the_longest_names_apart" {
  command = plan

  variables {
    names = { queue = "a${join("", [for n in range(79) : "b"])}" }
  }

  assert {
    condition     = length(aws_sqs_queue.dead_letter.name) == 80 && aws_sqs_queue.dead_letter.name != aws_sqs_queue.this.name
    error_message = "the dead-letter queue's name is shortened to 80 characters"
  }
}

run "refuses_what_sqs_would" {
  command = plan

  variables {
    names                      = { queue = "tasks.fifo" }
    senders                    = ["11111111111"]
    visibility_timeout_seconds = 50000
    retention_days             = 15
    max_receives               = 0
    kms_key_arn                = "mine"
  }

  expect_failures = [
    var.names, var.senders, var.visibility_timeout_seconds, var.retention_days, var.max_receives, var.kms_key_arn,
  ]
}
