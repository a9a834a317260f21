locals {
  # A name has at most 80 characters, and the two queues need different ones.
  dead_letter_name = (
    length(var.names.queue) <= 76
    ? "${var.names.queue}-dlq"
    : "${substr(var.names.queue, 0, 67)}-${substr(sha256(var.names.queue), 0, 8)}-dlq"
  )

  # The queue's policy contains the ARN of the queue, which does not exist yet. The dead-letter queue does.
  arn = "${trimsuffix(aws_sqs_queue.dead_letter.arn, local.dead_letter_name)}${var.names.queue}"
}

resource "aws_sqs_queue" "this" {
  name                       = var.names.queue
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = var.retention_days * 86400
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  kms_master_key_id          = var.kms_key_arn
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = var.max_receives
  })

  # Not a separate resource, because the provider waits 25 seconds after each change of a queue.
  policy = local.policy
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = local.dead_letter_name
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = var.tags
}
