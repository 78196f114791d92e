data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id

  names = {
    state_bucket    = "buyer-stage-terraform-state-${var.environment}-${local.account_id}"
    code_bucket     = "buyer-stage-code-${var.environment}-${local.account_id}"
    pipeline_bucket = "buyer-stage-ml-pipeline-${var.environment}-${local.account_id}" # The main configuration creates it.
    audit_bucket    = "buyer-stage-audit-${var.environment}-${local.account_id}"       # So does it with this one.
    key_alias       = "alias/buyer-stage-bootstrap-${var.environment}"
    roles           = { for purpose in ["plan", "apply"] : purpose => "buyer-stage-github-${purpose}-${var.environment}" }
  }

  layout = jsondecode(file("${path.root}/../../build/packages/s3_layout.json")) # Run `make package` first.

  state_key = "buyer-stage-pipelines/terraform.tfstate" # The same key as in terraform/environments/*.s3.tfbackend.

  tags = {
    owner          = var.owner
    product        = var.product
    component      = var.component
    environment    = var.environment
    classification = var.classification
  }
}
