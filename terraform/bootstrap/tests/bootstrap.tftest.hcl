# The real provider renders the policies; the runs never reach AWS. It replaces the configuration's own provider, so the
# default tags do not appear here.
provider "aws" {
  region                      = "us-west-2"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_resource {
  target          = aws_kms_key.this["bootstrap"]
  override_during = plan
  values          = { arn = "arn:aws:kms:us-west-2:123456789012:key/bootstrap" }
}

override_resource {
  target          = aws_kms_key.this["environment"]
  override_during = plan
  values          = { arn = "arn:aws:kms:us-west-2:123456789012:key/environment" }
}

override_resource {
  target          = aws_iam_policy.this["github-boundary"]
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:policy/github-boundary" }
}

override_resource {
  target          = aws_iam_openid_connect_provider.github
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
}

variables {
  environment       = "dev"
  owner             = "buyer-stage-team"
  github_repository = "example-org/buyer-stage-pipelines"
  datalake_buckets  = ["example-datalake"]
}

# tests/infra/test_deployers.py evaluates the policies of this run and of prod.
run "dev" {
  command = plan

  assert {
    condition = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.bucket } == {
      state = "buyer-stage-terraform-state-dev-123456789012"
      code  = "buyer-stage-code-dev-123456789012"
    }
    error_message = "The main configuration and the backend files use these bucket names."
  }

  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "A bucket has no versioning."
  }

  assert {
    condition = alltrue(flatten([
      for block in aws_s3_bucket_public_access_block.this :
      [block.block_public_acls, block.block_public_policy, block.ignore_public_acls, block.restrict_public_buckets]
    ]))
    error_message = "A bucket can be made public."
  }

  assert {
    condition = alltrue([
      for encryption in aws_s3_bucket_server_side_encryption_configuration.this : alltrue([
        for rule in encryption.rule : rule.apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this["bootstrap"].arn
      ])
    ])
    error_message = "A bucket is not encrypted with the key of this configuration."
  }

  assert {
    condition = alltrue(flatten([
      for bucket in aws_s3_bucket_lifecycle_configuration.this : [for rule in bucket.rule : length(rule.expiration) == 0]
    ]))
    error_message = "Current objects expire, but a rollback needs the code of any version, and Terraform needs its state."
  }

  assert {
    condition = alltrue([
      for purpose, policy in data.aws_iam_policy_document.bucket :
      toset([for statement in jsondecode(policy.json).Statement : statement.Sid if statement.Effect == "Deny"]) ==
      toset(concat(["KmsOnly", "TlsOnly"], purpose == "code" ? ["CodeIsWrittenOnce"] : []))
    ])
    error_message = "A bucket accepts requests without TLS, or with another encryption."
  }

  assert {
    condition     = { for purpose, alias in aws_kms_alias.this : purpose => alias.name } == { bootstrap = "alias/buyer-stage-bootstrap-dev", environment = "alias/buyer-stage-dev" }
    error_message = "The main configuration looks the environment's key up by this alias."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.github : role.permissions_boundary == aws_iam_policy.this["github-boundary"].arn])
    error_message = "A role of the workflows does not have its boundary."
  }

  assert {
    condition     = alltrue([for policy in aws_iam_policy.this : length(policy.policy) <= 6144])
    error_message = "A managed policy is longer than IAM's limit of 6,144 characters."
  }

  assert {
    condition = local.tags == {
      owner = "buyer-stage-team", product = "buyer-stage", component = "bootstrap", environment = "dev", classification = "internal"
    }
    error_message = "The provider's default tags are ${jsonencode(local.tags)}."
  }
}

run "prod" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = alltrue([for policy in aws_iam_policy.this : length(policy.policy) <= 6144])
    error_message = "A managed policy is longer than IAM's limit of 6,144 characters."
  }
}

run "tokens_with_ids" {
  command = plan

  variables {
    github_repository_ids = "123456/456789"
  }
}

run "an_existing_identity_provider_is_used" {
  command = plan

  variables {
    github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && output.github_oidc_provider_arn == var.github_oidc_provider_arn
    error_message = "An account can have only one identity provider for GitHub."
  }
}

run "a_repository_with_a_wildcard_is_refused" {
  command = plan

  variables {
    github_repository = "example-org/*"
  }

  expect_failures = [var.github_repository]
}

run "ids_with_a_wildcard_are_refused" {
  command = plan

  variables {
    github_repository_ids = "123456/*"
  }

  expect_failures = [var.github_repository_ids]
}

run "an_unknown_environment_is_refused" {
  command = plan

  variables {
    environment = "staging"
  }

  expect_failures = [var.environment]
}

run "a_data_lake_with_a_wildcard_is_refused" {
  command = plan

  variables {
    datalake_buckets = ["*"]
  }

  expect_failures = [var.datalake_buckets]
}
