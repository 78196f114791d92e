terraform {
  required_version = ">= 1.11"

  # The backend file of each environment names the bucket. Its lock file, use_lockfile, needs Terraform 1.11.
  backend "s3" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

# Provider and backend read AWS_ENDPOINT_URL and the credentials from environment variables, so the local cloud needs no
# settings here.
provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
