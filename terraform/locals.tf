data "aws_caller_identity" "current" {
  lifecycle {
    # A plan in the local cloud works with them.
    postcondition {
      condition = self.account_id == "000000000000" || alltrue([
        for id in concat(var.emr.subnet_ids, var.sagemaker_vpc.subnet_ids, var.sagemaker_vpc.security_group_ids) :
        !can(regex("^(subnet|sg)-0+$", id))
      ])
      error_message = "emr.subnet_ids or sagemaker_vpc still has the placeholders of the repository. Set your own in terraform/environments/${var.environment}.tfvars."
    }

    postcondition {
      condition     = var.environment != "local" || self.account_id == "000000000000"
      error_message = "The environment local must run in the local cloud, but these credentials are for a real account. Set AWS_ENDPOINT_URL to the local cloud."
    }
  }
}

locals {
  account_id = data.aws_caller_identity.current.account_id

  names = {
    pipeline_bucket     = "buyer-stage-ml-pipeline-${var.environment}-${local.account_id}"
    audit_bucket        = "buyer-stage-audit-${var.environment}-${local.account_id}"
    trail               = "buyer-stage-${var.environment}"
    code_bucket         = "buyer-stage-code-${var.environment}-${local.account_id}"
    table               = "buyer-stage-ml-pipeline-results-${var.environment}"
    event_bus           = "buyer-stage-${var.environment}"
    topic               = "buyer-stage-alerts-${var.environment}"
    glue_job            = "buyer-stage-push-to-dynamodb-${var.environment}"
    etl_state_machine   = "buyer-stage-etl-pipeline-${var.environment}"
    ml_state_machine    = "buyer-stage-ml-pipeline-${var.environment}"
    erasure_role        = "buyer-stage-erasure-${var.environment}"
    suppression_secret  = "buyer-stage-suppression-key-${var.environment}"
    key_alias           = "alias/buyer-stage-${var.environment}"
    model_package_group = "buyer-stage-${var.environment}"
    database            = "buyer_stage_${var.environment}"
    workgroup           = "buyer-stage-${var.environment}"
    metrics_namespace   = "BuyerStage/${var.environment}"
  }

  # The functions that the ETL calls, by their folders in lambdas/. The ML pipeline can call all of them.
  etl_functions = ["send_sns_notification", "write_run_receipt"]

  permissions_boundary_arn = "arn:aws:iam::${local.account_id}:policy/buyer-stage-boundary-${var.environment}"
  # Start of the names of SageMaker jobs and models, as buyer_stage/domain/job_names.py spells them.
  job_prefix = "buy-${var.environment}-"

  tags = merge(var.tags, { environment = var.environment })

  packages_directory      = "${path.root}/../build/packages"
  state_machine_directory = "${path.root}/../statemachine"
  queries_directory       = "${path.root}/../sql"
  code_version            = trimspace(file("${local.packages_directory}/code_version.txt"))
  layout                  = jsondecode(file("${local.packages_directory}/s3_layout.json"))
  code_prefix             = "${local.layout.code}${local.code_version}/"
  code_uri                = "s3://${local.names.code_bucket}/${local.code_prefix}"
  survey_uri              = coalesce(var.datalake.survey_uri, "s3://${var.datalake.bucket}/${local.layout.survey}")

  # The snapshot date to process, as JSONata. Both definitions hold it in a JSON string, hence one line and the escapes.
  snapshot_date_text = templatefile("${local.state_machine_directory}/snapshot_date.jsonata", { lag_days = var.datalake.lag_days })
  snapshot_date      = trim(jsonencode(trimspace(replace(local.snapshot_date_text, "/\\s+/", " "))), "\"")
}
