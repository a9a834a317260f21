output "plan_role_arn" {
  description = "ARN of the role that plans run under."
  value       = aws_iam_role.plan.arn
}

output "apply_role_arn" {
  description = "ARN of the role that applies run under."
  value       = aws_iam_role.apply.arn
}

output "break_glass_role_arn" {
  description = "ARN of the role that can delete protected resources, used for a waiver or with --break-glass."
  value       = aws_iam_role.break_glass.arn
}

output "boundary_arn" {
  description = "ARN of the permissions boundary that every role of a stack must have."
  value       = aws_iam_policy.boundary.arn
}
