locals {
  upstream = { "prod/first" = { "id" = "i-1", "value" = { "list" = ["k-1"], "pool" = { "id" = jsondecode(terraform_data.not_applied_yet.id) } } } }
}

# A preview is planned but never applied: the id of this resource stands for every value that is not yet known.
resource "terraform_data" "not_applied_yet" {}
