terraform {
  required_version = ">=1.11,<2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  backend "s3" {
    bucket              = "t-111111111111-tfstate"
    key                 = "prod/rich/eu-west-1/terraform.tfstate"
    region              = "eu-west-1"
    profile             = "orch-main"
    allowed_account_ids = ["111111111111"]
    use_lockfile        = true
  }
}

provider "aws" {
  region              = "eu-west-1"
  profile             = "orch-main"
  allowed_account_ids = ["111111111111"]

  default_tags {
    tags = {
      "account" = "main"
      "stack" = "rich"
      "stage" = "prod"
      "team" = "core"
    }
  }
}

provider "aws" {
  alias               = "edge"
  region              = "us-east-1"
  profile             = "orch-main"
  allowed_account_ids = ["111111111111"]

  default_tags {
    tags = {
      "account" = "main"
      "stack" = "rich"
      "stage" = "prod"
      "team" = "core"
    }
  }
}
