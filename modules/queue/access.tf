locals {
  partition = split(":", aws_sqs_queue.dead_letter.arn)[1]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = local.arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
      [
        for sender in sort(var.senders) : {
          Sid       = "Send${substr(sha256(sender), 0, 8)}"
          Effect    = "Allow"
          Principal = { AWS = startswith(sender, "arn:") ? sender : "arn:${local.partition}:iam::${sender}:root" }
          Action    = ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
          Resource  = local.arn
        }
      ],
    )
  })
}
