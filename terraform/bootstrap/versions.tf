terraform {
  required_version = ">= 1.11"

  # The bucket that this configuration makes: see docs/deployment.md for the first apply.
  backend "s3" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
