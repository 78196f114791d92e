# Resources that hold data are encrypted with the environment's key, recoverable, and protected from deletion in prod.
mock_provider "aws" {
  source = "./tests"
}

variables {
  kms_key_arn = "arn:aws:kms:us-west-2:123456789012:key/environment"
}

run "bucket_is_encrypted_versioned_and_closed" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    bucket_name             = "buyer-stage-ml-pipeline-prod"
    force_destroy           = false
    layout                  = jsondecode(file("../build/packages/s3_layout.json"))
    suppression_secret_name = "buyer-stage-suppression-key-prod"
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    ])
    error_message = "The bucket is not encrypted with the environment's key."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "An object that is overwritten by mistake cannot be restored."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket can be made public."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "terraform destroy deletes the data."
  }

  assert {
    condition = (
      aws_secretsmanager_secret.suppression_key.kms_key_id == var.kms_key_arn &&
      aws_secretsmanager_secret.suppression_key.recovery_window_in_days == 30
    )
    error_message = "The suppression list's key is not encrypted with the environment's key, or cannot be recovered."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      rule.expiration[0].days == 30 if contains(["quarantine", "inference-results", "etl_pipeline_test", "athena-results", "stage-changes"], rule.id)
    ])
    error_message = "Raw lines or scores of single members are kept for more than 30 days."
  }

  assert {
    condition = toset([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id]) == toset([
      "old-versions-and-broken-uploads", "inputs", "etl_pipeline_test", "inference-results", "quarantine", "push-receipts",
      "served-items", "stage-changes", "drift-reports", "run-receipts", "emr-logs", "athena-results",
    ])
    error_message = "A prefix that grows daily has no limit, or a prefix that must stay has one."
  }
}

run "table_is_encrypted_recoverable_and_protected" {
  command = plan

  module {
    source = "./modules/serving_table"
  }

  variables {
    table_name            = "buyer-stage-ml-pipeline-results-prod"
    deletion_protection   = true
    reader_principal_arns = []
  }

  assert {
    condition     = length(aws_dynamodb_resource_policy.readers) == 0
    error_message = "The table has a policy although there are no readers."
  }

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "The table is not encrypted with the environment's key."
  }

  assert {
    condition     = aws_dynamodb_table.this.point_in_time_recovery[0].enabled && aws_dynamodb_table.this.deletion_protection_enabled
    error_message = "The table can be lost."
  }

  assert {
    condition     = aws_dynamodb_table.this.billing_mode == "PAY_PER_REQUEST" && aws_dynamodb_table.this.ttl[0].attribute_name == "ttl"
    error_message = "The table is not on demand, or its items do not expire by ttl."
  }
}

run "topic_is_encrypted" {
  command = plan

  module {
    source = "./modules/notifications"
  }

  variables {
    topic_name = "buyer-stage-alerts-prod"
    emails     = ["team@example.com", "on-call@example.com"]
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn
    error_message = "The topic is not encrypted with the environment's key."
  }

  assert {
    condition     = keys(aws_sns_topic_subscription.email) == ["on-call@example.com", "team@example.com"]
    error_message = "An address is not subscribed."
  }
}

run "trail_records_every_read_and_write_of_members_data" {
  command = plan

  module {
    source = "./modules/audit"
  }

  variables {
    trail_name    = "buyer-stage-prod"
    bucket_name   = "buyer-stage-audit-prod"
    force_destroy = false
    data_buckets  = ["buyer-stage-ml-pipeline-prod"]
    data_tables   = ["arn:aws:dynamodb:us-west-2:123456789012:table/stages"]
  }

  assert {
    condition = aws_cloudtrail.this.event_selector[0].read_write_type == "All" && {
      for data in aws_cloudtrail.this.event_selector[0].data_resource : data.type => data.values
      } == {
      "AWS::S3::Object"      = tolist(["arn:aws:s3:::buyer-stage-ml-pipeline-prod/"])
      "AWS::DynamoDB::Table" = tolist(var.data_tables)
    }
    error_message = "A read or write of members' data leaves no record."
  }

  assert {
    condition     = aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.kms_key_id == var.kms_key_arn && !aws_s3_bucket.this.force_destroy
    error_message = "Records can be changed or deleted without notice, or are not encrypted with the environment's key."
  }
}
