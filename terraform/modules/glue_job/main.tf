resource "aws_glue_security_configuration" "this" {
  name = var.job_name

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.kms_key_arn
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
  description            = "Pushes the stages of a snapshot's members to DynamoDB."
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
    "--write_partitions"                 = tostring(var.push.partitions)
    "--maximum_writes_per_second"        = tostring(var.push.maximum_writes_per_second)
    "--enable-metrics"                   = "true"
    "--enable-observability-metrics"     = "true"
    "--enable-continuous-cloudwatch-log" = "true"
  }
}
