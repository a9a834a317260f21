output "tables" {
  description = "Key -> name and ARN of the table."
  value       = { for key, table in aws_dynamodb_table.this : key => { name = table.name, arn = table.arn } }
}
