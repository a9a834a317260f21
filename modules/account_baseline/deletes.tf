# Defense in depth behind the guard of orch: the apply role cannot delete protected resources, regardless of its other
# permissions and of the plan. Only the break-glass role (roles.tf) can, and assuming it requires an owner and a reason.
resource "aws_iam_policy" "deletes" {
  count = length(var.protected_delete_apis) > 0 ? 1 : 0

  name        = "${var.apply_role}-deletes"
  description = "What only the break-glass role deletes."
  policy      = local.deletes
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(local.deletes) <= 6144
      error_message = "protected_delete_apis has too many entries: their policy has ${length(local.deletes)} characters, and the limit of IAM is 6144."
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
