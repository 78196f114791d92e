terraform {
  required_version = ">= 1.11"

  # The state is in the bucket that this configuration creates. For the first apply, see docs/deployment.md.
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
