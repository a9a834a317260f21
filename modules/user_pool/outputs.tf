output "user_pool_id" {
  description = "ID of the pool."
  value       = aws_cognito_user_pool.this.id
}

output "user_pool_arn" {
  description = "ARN of the pool."
  value       = aws_cognito_user_pool.this.arn
}

output "issuer" {
  description = "Issuer of the pool's tokens, in the format that a JWT authorizer requires."
  value       = "https://${aws_cognito_user_pool.this.endpoint}"
}

output "client_ids" {
  description = "Client name -> its ID, which is the audience of its tokens."
  value       = { for name, client in aws_cognito_user_pool_client.this : name => client.id }
}

output "client_secrets" {
  description = "Client name -> its secret, for clients with a secret."
  value       = { for name, client in aws_cognito_user_pool_client.this : name => client.client_secret if var.clients[name].secret }
  sensitive   = true
}

output "domain" {
  description = "Host name of the hosted sign-in pages; null without a domain."
  value = one([
    for domain in aws_cognito_user_pool_domain.this[*].domain :
    strcontains(domain, ".") ? domain : "${domain}.auth.${local.region}.amazoncognito.com"
  ])
}
