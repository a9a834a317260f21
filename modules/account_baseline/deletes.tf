# Defence behind orch's own judgement: the apply role cannot delete what must not be lost, whatever else it is allowed and
# whatever a plan says. Only the break-glass role (roles.tf) can, and nobody takes that without saying who and why.
resource "aws_iam_policy" "deletes" {
  count = length(var.protected_delete_apis) > 0 ? 1 : 0

  name        = "${var.apply_role}-deletes"
  description = "What only the break-glass role deletes."
  policy      = local.deletes
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(local.deletes) <= 6144
      error_message = "protected_delete_apis are too many: their policy has ${length(local.deletes)} characters, and IAM takes 6144."
    }
  }
}

locals {
  deletes = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ProtectedDeletes"
        Effect   = "Deny"
        Action   = sort(var.protected_delete_apis)
        Resource = ["*"]
      },
    ]
  })
}
