terraform {
  required_version = ">= 1.11"

  # Which bucket, each environment's backend file says.
  backend "s3" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

# Nothing here knows of a local cloud: provider and backend heed AWS_ENDPOINT_URL and the credentials in the environment.
provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
