data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id
}

module "state_machine" {
  source = "../state_machine"

  name                     = var.state_machine_name
  policy                   = data.aws_iam_policy_document.state_machine.json
  kms_key_arn              = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  log_retention_days       = var.logs.retention_days

  definition = templatefile(var.template, merge(var.function_version_arns, {
    snapshot_date           = var.snapshot_date
    daily_data_poll_seconds = var.polls.daily_data.seconds
    daily_data_poll_limit   = var.polls.daily_data.limit
    automl_poll_seconds     = var.polls.automl.seconds
    automl_poll_limit       = var.polls.automl.limit
    transform_poll_seconds  = var.polls.transform.seconds
    transform_poll_limit    = var.polls.transform.limit
    upload_poll_seconds     = var.polls.upload.seconds
    upload_poll_limit       = var.polls.upload.limit
  }))
}

# SageMaker chooses these names, so all environments of an account share the groups. One of them creates the groups.
resource "aws_cloudwatch_log_group" "sagemaker" {
  for_each = toset(var.logs.sagemaker_groups ? ["ProcessingJobs", "TrainingJobs", "TransformJobs"] : [])

  name              = "/aws/sagemaker/${each.key}"
  retention_in_days = var.logs.job_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = var.model_package_group_name
  model_package_group_description = "Models that predict a member's stage."
}
