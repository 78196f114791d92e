locals {
  log_prefix = "/aws-glue/jobs/${var.job_name}"
}

# By default, Glue creates groups that all jobs of the account share, and keeps their logs forever.
resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["error", "output"])

  name              = "${local.log_prefix}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_glue_security_configuration" "this" {
  # checkov:skip=CKV_AWS_99:The key encrypts the log groups above. With an encryption of its own, Glue would choose other groups.
  name = var.job_name

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "DISABLED"
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = var.kms_key_arn
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.kms_key_arn
    }
  }
}

resource "aws_glue_job" "this" {
  name                   = var.job_name
  description            = "Gives the serving table a new state: from scores, or from an earlier state."
  role_arn               = module.role.arn
  glue_version           = "5.0"
  execution_class        = "STANDARD"
  worker_type            = "G.1X"
  number_of_workers      = var.push.worker_count
  timeout                = 480
  max_retries            = var.push.max_retries
  security_configuration = aws_glue_security_configuration.this.name

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "${var.code_uri}glue/push_to_dynamodb.py"
  }

  # Each run limits its own writes, so two runs together would exceed the limit.
  execution_property {
    max_concurrent_runs = 1
  }

  default_arguments = {
    "--extra-py-files"                   = "${var.code_uri}libraries.zip"
    "--pipeline_bucket"                  = "s3://${var.pipeline_bucket}"
    "--table_name"                       = var.table_name
    "--suppression_secret"               = var.suppression_secret_arn
    "--region"                           = data.aws_region.current.name
    "--maximum_writes_per_second"        = tostring(var.push.maximum_writes_per_second)
    "--event_bus"                        = var.event_bus_name
    "--maximum_events_per_second"        = tostring(var.push.maximum_events_per_second)
    "--refresh_margin_days"              = tostring(var.push.refresh_margin_days)
    "--probability_tolerance"            = tostring(var.push.probability_tolerance)
    "--audit_limits"                     = jsonencode(var.audit_limits)
    "--enable-metrics"                   = "true"
    "--enable-observability-metrics"     = "true"
    "--enable-continuous-cloudwatch-log" = "true"
    "--custom-logGroup-prefix"           = local.log_prefix
  }

  # Glue creates a missing log group itself.
  depends_on = [aws_cloudwatch_log_group.this]
}
