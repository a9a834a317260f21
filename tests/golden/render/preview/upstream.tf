locals {
  upstream = { "prod/first" = { "id" = "i-1", "value" = { "list" = ["k-1"], "pool" = { "id" = jsondecode(terraform_data.not_applied_yet.id) } } } }
}

# A preview is planned, never applied: the id of a resource that does not exist yet stands for what is not known yet.
resource "terraform_data" "not_applied_yet" {}
