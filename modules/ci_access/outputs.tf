output "plan_role_arn" {
  description = "ARN of the role for jobs that plan: the variable ORCH_PLAN_ROLE of the repository."
  value       = aws_iam_role.plan.arn
}

output "apply_role_arns" {
  description = "Environment -> ARN of the role for its jobs: the variable ORCH_APPLY_ROLE of the environment."
  value       = { for name, role in aws_iam_role.apply : name => role.arn }
}
