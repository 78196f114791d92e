# Only the listed principals can delete versions of objects, and only of those that hold members' data.
mock_provider "aws" {
  source = "./tests"
}

run "role_of_the_listed_principals" {
  command = plan

  module {
    source = "./modules/erasure"
  }

  variables {
    role_name                = "buyer-stage-erasure-prod"
    principal_arns           = ["arn:aws:iam::123456789012:role/privacy"]
    pipeline_bucket          = "buyer-stage-ml-pipeline-prod"
    layout                   = jsondecode(file("../build/packages/s3_layout.json"))
    suppression_secret_arn   = "arn:aws:secretsmanager:us-west-2:123456789012:secret:buyer-stage-suppression-key-prod-1a2b3c"
    table_arn                = "arn:aws:dynamodb:us-west-2:123456789012:table/buyer-stage-ml-pipeline-results-prod"
    state_machine_arns       = ["arn:aws:states:us-west-2:123456789012:stateMachine:buyer-stage-etl-pipeline-prod"]
    model_package_group_arn  = "arn:aws:sagemaker:us-west-2:123456789012:model-package-group/buyer-stage-prod"
    kms_key_arn              = "arn:aws:kms:us-west-2:123456789012:key/environment"
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = data.aws_iam_policy_document.assume.statement[0].principals == toset([{ type = "AWS", identifiers = toset(["arn:aws:iam::123456789012:role/privacy"]) }])
    error_message = "Another principal can take the role, or the listed one cannot."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "The role has no permissions boundary."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement :
      !contains(statement.resources, "arn:aws:s3:::buyer-stage-ml-pipeline-prod/*")
    ])
    error_message = "The role works on receipts and reports of the pipelines, which do not hold members' data."
  }
}
