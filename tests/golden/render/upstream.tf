locals {
  upstream = jsondecode(file("${path.module}/upstream.json"))
}
