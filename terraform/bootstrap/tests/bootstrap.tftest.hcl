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
  target          = aws_kms_key.this
  override_during = plan
  values          = { arn = "arn:aws:kms:us-west-2:123456789012:key/bootstrap" }
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
}

run "names_and_protections_of_the_buckets" {
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
        for rule in encryption.rule : rule.apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this.arn
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
    condition = local.tags == {
      owner = "buyer-stage-team", product = "buyer-stage", component = "bootstrap", environment = "dev", classification = "internal"
    }
    error_message = "The provider's default tags are ${jsonencode(local.tags)}."
  }
}

run "who_can_take_the_roles" {
  command = plan

  assert {
    condition = {
      for role, policy in data.aws_iam_policy_document.assume :
      role => join(" ", sort(flatten([jsondecode(policy.json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]])))
      } == {
      plan  = "repo:example-org/buyer-stage-pipelines:pull_request repo:example-org/buyer-stage-pipelines:ref:refs/heads/main"
      apply = "repo:example-org/buyer-stage-pipelines:environment:dev"
    }
    error_message = "Only pull requests and main can plan, and only the GitHub environment of the same name can apply."
  }

  assert {
    condition = alltrue([
      for policy in data.aws_iam_policy_document.assume :
      jsondecode(policy.json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
      && keys(jsondecode(policy.json).Statement[0].Condition) == ["StringEquals"] && length(jsondecode(policy.json).Statement) == 1
    ])
    error_message = "A role accepts tokens that are not for STS, or compares them with wildcards."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.github : role.permissions_boundary == null])
    error_message = "A role has a boundary although none was given."
  }
}

run "who_can_take_the_roles_when_tokens_contain_ids" {
  command = plan

  variables {
    github_repository_ids = "123456/456789"
  }

  assert {
    condition = {
      for role, policy in data.aws_iam_policy_document.assume :
      role => join(" ", sort(flatten([jsondecode(policy.json).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]])))
      } == {
      plan  = "repo:example-org@123456/buyer-stage-pipelines@456789:pull_request repo:example-org@123456/buyer-stage-pipelines@456789:ref:refs/heads/main"
      apply = "repo:example-org@123456/buyer-stage-pipelines@456789:environment:dev"
    }
    error_message = "With ids, a role accepts exactly the subjects that contain them."
  }
}

run "permissions_of_the_plan_role" {
  command = plan

  assert {
    condition     = toset([for key in keys(aws_iam_role_policy_attachment.github) : key if startswith(key, "plan/")]) == toset(["plan/backend", "plan/read"])
    error_message = "The plan role has more or less than the policies backend and read."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.github["read"].json).Statement : [
        for action in flatten([statement.Action]) : can(regex(":(Describe|Get|List|Validate|View)", action))
      ]
    ]))
    error_message = "The policy read allows an action that does not read."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.github["backend"].json).Statement :
      statement.Sid => statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")
    } == { LockState = "arn:aws:s3:::buyer-stage-terraform-state-dev-123456789012/buyer-stage-pipelines/terraform.tfstate.tflock" }
    error_message = "The plan role can write more of the state than its lock."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.github["read"].json).Statement :
      length(setintersection(flatten([statement.Action]), [
        "athena:GetQueryResults", "dynamodb:GetItem", "kms:Decrypt", "logs:GetLogEvents", "s3:GetObject",
      ])) == 0
    ])
    error_message = "The plan role can read the content of resources."
  }
}

run "permissions_of_the_apply_role" {
  command = plan

  assert {
    condition     = toset([for key in keys(aws_iam_role_policy_attachment.github) : key if startswith(key, "apply/")]) == toset([for policy in keys(aws_iam_policy.github) : "apply/${policy}"])
    error_message = "The apply role does not have every policy."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.github["change-roles"].json).Statement :
      statement.Sid => statement.Resource if statement.Effect == "Deny"
      } == {
      DenyBootstrapRoles = ["arn:aws:iam::123456789012:role/buyer-stage-github-*", "arn:aws:iam::123456789012:policy/buyer-stage-github-*"]
      DenyBootstrapKey   = aws_kms_key.this.arn
    }
    error_message = "A workflow can extend its own permissions."
  }

  assert {
    condition = alltrue(flatten([
      for name, policy in data.aws_iam_policy_document.github : [
        for statement in jsondecode(policy.json).Statement :
        can(regex("buyer[-_]stage", jsonencode([statement.Resource, try(statement.Condition, "")]))) ||
        startswith(statement.Sid, "Unnamed") || contains(["FindStateMachines", "UseKey", "DenyBootstrapKey"], statement.Sid)
      ]
    ]))
    error_message = "A statement is not limited to the product's names or tags, although AWS supports it."
  }

  assert {
    condition     = alltrue([for policy in aws_iam_policy.github : length(policy.policy) <= 6144])
    error_message = "A managed policy is longer than IAM's limit of 6,144 characters."
  }
}

run "roles_are_created_with_the_boundary_if_there_is_one" {
  command = plan

  variables {
    permissions_boundary_arn  = "arn:aws:iam::123456789012:policy/workload-boundary"
    github_roles_boundary_arn = "arn:aws:iam::123456789012:policy/deployment-boundary"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.github["change-roles"].json).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], null) == "arn:aws:iam::123456789012:policy/workload-boundary"
      if length(setintersection(flatten([statement.Action]), ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePolicy"])) > 0
    ])
    error_message = "A statement creates or extends roles without the boundary."
  }

  assert {
    condition     = !strcontains(data.aws_iam_policy_document.github["change-roles"].json, "iam:DeleteRolePermissionsBoundary")
    error_message = "A workflow can remove a boundary."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.github : role.permissions_boundary == "arn:aws:iam::123456789012:policy/deployment-boundary"])
    error_message = "The plan role or the apply role does not have its boundary."
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

run "workflows_cannot_delete_data_or_stop_jobs_in_prod" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition = !anytrue(flatten([
      for policy in data.aws_iam_policy_document.github : [
        for statement in jsondecode(policy.json).Statement : [
          for action in flatten([statement.Action]) :
          action == "s3:DeleteObjectVersion" || can(regex(":(BatchStop|Stop|TerminateJobFlows)", action))
        ]
      ]
    ]))
    error_message = "In prod, a workflow can delete data or stop jobs."
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
