data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id
  bucket_arn = "arn:aws:s3:::${var.pipeline_bucket}"
  sagemaker  = "arn:aws:sagemaker:${local.region}:${local.account_id}"
  glue_job   = "arn:aws:glue:${local.region}:${local.account_id}:job/${var.glue_job_name}"

  # Without s3:ListBucket, S3 responds with "access denied" instead of "not found" when an object does not exist yet.
  list_bucket = { actions = ["s3:ListBucket"], resources = [local.bucket_arn] }
  decrypt     = { actions = ["kms:Decrypt"], resources = [var.kms_key_arn] }
  encrypt     = { actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [var.kms_key_arn] }
  # SageMaker tests the key of a job on the caller's behalf, and creates a grant so that the job can use it.
  test_key = { actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], resources = [var.kms_key_arn] }
  grant_key = {
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]
    only_if   = { "kms:ViaService" = "sagemaker.${local.region}.amazonaws.com" }
  }
  pass_role = {
    for use, arn in var.sagemaker_role_arns :
    use => { actions = ["iam:PassRole"], resources = [arn], only_if = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
  }

  # Names and tags of the SageMaker resources that the functions create. Terraform's default tags do not reach them.
  job_environment = {
    ENVIRONMENT = var.environment
    TAGS        = jsonencode(var.tags)
  }
  transform_environment = merge(local.job_environment, {
    PIPELINE_BUCKET          = var.pipeline_bucket
    TRANSFORM_INSTANCE_TYPE  = var.transform.instance_type
    TRANSFORM_INSTANCE_COUNT = var.transform.instance_count
    KMS_KEY_ARN              = var.kms_key_arn
  })
  # Every kind of push is started in the same way.
  push_environment = {
    ENVIRONMENT      = var.environment
    GLUE_JOB_NAME    = var.glue_job_name
    GLUE_MAX_RETRIES = var.push.max_retries
    PIPELINE_BUCKET  = var.pipeline_bucket
    CODE_URI         = "s3://${var.code_bucket}/${var.code_prefix}"
    TTL_DAYS         = var.push.ttl_days
  }
  push_statements = {
    StartRun      = { actions = ["glue:StartJobRun", "glue:GetJobRuns"], resources = [local.glue_job] }
    FindLiveState = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.serving}*"] }
    ListBucket    = local.list_bucket
    UseKey        = local.decrypt
  }
  automl_jobs    = "${local.sagemaker}:automl-job/${var.job_prefix}*"
  models         = "${local.sagemaker}:model/${var.job_prefix}*"
  transform_jobs = "${local.sagemaker}:transform-job/${var.job_prefix}transform-*"
  holdout_jobs   = "${local.sagemaker}:transform-job/${var.job_prefix}holdout-*"

  model_packages = "${local.sagemaker}:model-package/${var.model_package_group_name}/*"
  read_registry = {
    actions   = ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"]
    resources = ["${local.sagemaker}:model-package-group/${var.model_package_group_name}", local.model_packages]
  }

  # The functions by their folder in lambdas/. Permissions for logs and traces are added in iam.tf.
  functions = {
    check_if_daily_data_available = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = { PIPELINE_BUCKET = var.pipeline_bucket }
      statements = {
        ReadFeatureManifest = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.features}*.json"] }
        ListBucket          = local.list_bucket
        UseKey              = local.decrypt
      }
    }

    check_if_model_available = {
      memory_mb       = 512
      timeout_seconds = 30
      environment = {
        PIPELINE_BUCKET        = var.pipeline_bucket
        MODEL_PACKAGE_GROUP    = var.model_package_group_name
        MAXIMUM_MODEL_AGE_DAYS = var.retraining.maximum_model_age_days
        RETRAIN_ON_DRIFT       = var.retraining.on_drift
      }
      statements = {
        ReadRegistry = local.read_registry
        FindModel    = { actions = ["sagemaker:DescribeModel"], resources = [local.models] }
        ReadDrift    = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.drift_reports}*"] }
        ListBucket   = local.list_bucket
        UseKey       = local.decrypt
      }
    }

    check_if_training_data_available = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = { PIPELINE_BUCKET = var.pipeline_bucket }
      statements = {
        ReadLabeledSet = {
          actions   = ["s3:GetObject"]
          resources = [for split in ["train", "validation", "test"] : "${local.bucket_arn}/${var.layout[split]}*"]
        }
        ListBucket = local.list_bucket
        UseKey     = local.decrypt
      }
    }

    start_automl = {
      memory_mb       = 512
      timeout_seconds = 30
      environment = merge(local.job_environment, {
        PIPELINE_BUCKET            = var.pipeline_bucket
        SAGEMAKER_ROLE_ARN         = var.sagemaker_role_arns.autopilot
        MODEL_PACKAGE_GROUP        = var.model_package_group_name
        AUTOML_MAX_CANDIDATES      = var.automl.max_candidates
        AUTOML_MAX_RUNTIME_SECONDS = var.automl.max_runtime_seconds
        KMS_KEY_ARN                = var.kms_key_arn
        SUBNET_IDS                 = jsonencode(var.sagemaker_vpc.subnet_ids)
        SECURITY_GROUP_IDS         = jsonencode(var.sagemaker_vpc.security_group_ids)
      })
      statements = {
        StartJob = {
          actions   = ["sagemaker:AddTags", "sagemaker:CreateAutoMLJobV2", "sagemaker:DescribeAutoMLJobV2"]
          resources = [local.automl_jobs]
        }
        ReadRegistry = local.read_registry
        FindOutput   = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.automl_output}*"] }
        ListBucket   = local.list_bucket
        PassRole     = local.pass_role.autopilot
        GrantKey     = local.grant_key
        TestKey      = local.test_key
      }
    }

    check_automl_status = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = {}
      statements = {
        DescribeJob = { actions = ["sagemaker:DescribeAutoMLJobV2"], resources = [local.automl_jobs] }
      }
    }

    create_candidate_model = {
      memory_mb       = 512
      timeout_seconds = 30
      environment = merge(local.transform_environment, {
        SAGEMAKER_ROLE_ARN  = var.sagemaker_role_arns.model
        MODEL_PACKAGE_GROUP = var.model_package_group_name
        SUBNET_IDS          = jsonencode(var.sagemaker_vpc.subnet_ids)
        SECURITY_GROUP_IDS  = jsonencode(var.sagemaker_vpc.security_group_ids)
      })
      statements = {
        DescribeJob    = { actions = ["sagemaker:DescribeAutoMLJobV2"], resources = [local.automl_jobs] }
        CreateModel    = { actions = ["sagemaker:AddTags", "sagemaker:CreateModel"], resources = [local.models] }
        PassRole       = local.pass_role.model
        ReadRegistry   = local.read_registry
        ReadLabeledSet = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.labeled_set_manifest}"] }
        ScoreHoldout   = { actions = ["sagemaker:CreateTransformJob"], resources = [local.holdout_jobs, local.models] }
        TagJob         = { actions = ["sagemaker:AddTags"], resources = [local.holdout_jobs] }
        FindJob        = { actions = ["sagemaker:DescribeTransformJob", "sagemaker:ListTags"], resources = [local.holdout_jobs] }
        ListBucket     = local.list_bucket
        GrantKey       = local.grant_key
        TestKey        = local.test_key
      }
    }

    create_and_save_model = {
      memory_mb       = 1024
      timeout_seconds = 120
      environment = {
        PIPELINE_BUCKET     = var.pipeline_bucket
        MODEL_PACKAGE_GROUP = var.model_package_group_name
        CODE_VERSION        = basename(var.code_prefix)
      }
      statements = {
        DescribeJob = { actions = ["sagemaker:DescribeAutoMLJobV2"], resources = [local.automl_jobs] }
        ReadLabeledSetAndScores = {
          actions = ["s3:GetObject"]
          resources = concat(
            [for split in ["train", "validation", "test"] : "${local.bucket_arn}/${var.layout["${split}_with_members"]}*"],
            ["${local.bucket_arn}/${var.layout.labeled_set_manifest}", "${local.bucket_arn}/${var.layout.holdout_scores}*"],
          )
        }
        ListBucket                = local.list_bucket
        WriteModelCardAndBaseline = { actions = ["s3:PutObject"], resources = ["${local.bucket_arn}/${var.layout.models}*"] }
        UseKey                    = local.encrypt
        # The registry reads the images and the model data of a version with the rights of the caller.
        ReadImages = {
          actions   = ["ecr:BatchGetImage", "ecr:DescribeImages"]
          resources = ["arn:aws:ecr:${local.region}:*:repository/*"] # The images of AWS are in accounts that AWS owns.
        }
        ReadModelData = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.automl_output}*"] }
        ReadRegistry  = local.read_registry
        RegisterModel = {
          actions   = ["sagemaker:CreateModelPackage"]
          resources = ["${local.sagemaker}:model-package-group/${var.model_package_group_name}", local.model_packages]
        }
      }
    }

    start_batch_transformation = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = local.transform_environment
      statements = {
        StartJob   = { actions = ["sagemaker:CreateTransformJob"], resources = [local.transform_jobs, local.models] }
        TagJob     = { actions = ["sagemaker:AddTags"], resources = [local.transform_jobs] }
        FindJob    = { actions = ["sagemaker:DescribeTransformJob", "sagemaker:ListTags"], resources = [local.transform_jobs] }
        ListBucket = local.list_bucket
        GrantKey   = local.grant_key
        TestKey    = local.test_key
      }
    }

    check_batch_transformation_status = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = {}
      statements = {
        DescribeJob = { actions = ["sagemaker:DescribeTransformJob"], resources = [local.transform_jobs, local.holdout_jobs] }
      }
    }

    start_uploading_to_dynamo_db = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = merge(local.push_environment, { SNAPSHOTS_BEFORE_STAGE_CHANGE = var.push.snapshots_before_stage_change })
      statements      = local.push_statements
    }

    start_rollback = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = local.push_environment
      statements = merge(local.push_statements, {
        # The descriptions of the states, not their rows.
        FindStates = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.served_items}*.json"] }
      })
    }

    start_ttl_extension = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = local.push_environment
      statements      = local.push_statements
    }

    check_uploading_to_dynamo_db_status = {
      memory_mb       = 512
      timeout_seconds = 30
      environment = {
        ENVIRONMENT      = var.environment
        PIPELINE_BUCKET  = var.pipeline_bucket
        GLUE_JOB_NAME    = var.glue_job_name
        GLUE_MAX_RETRIES = var.push.max_retries
      }
      statements = {
        DescribeRun = { actions = ["glue:GetJobRuns"], resources = [local.glue_job] }
        ReadReceipt = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.push_receipts}*"] }
        ListBucket  = local.list_bucket
        UseKey      = local.decrypt
      }
    }

    check_drift = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = { PIPELINE_BUCKET = var.pipeline_bucket }
      statements = {
        ReadBaselineProfileAndReceipt = {
          actions = ["s3:GetObject"]
          resources = [
            "${local.bucket_arn}/${var.layout.drift_baselines}",
            "${local.bucket_arn}/${var.layout.feature_profiles}",
            "${local.bucket_arn}/${var.layout.push_receipts}*",
          ]
        }
        ListBucket  = local.list_bucket
        WriteReport = { actions = ["s3:PutObject"], resources = ["${local.bucket_arn}/${var.layout.drift_reports}*"] }
        UseKey      = local.encrypt
      }
    }

    # The function of the lookup. Readers call it, so it must not use up the concurrency that the pipelines need.
    look_up_stage = {
      memory_mb       = 1024
      timeout_seconds = 10
      concurrency     = var.lookup.concurrency
      environment = {
        PIPELINE_BUCKET       = var.pipeline_bucket
        TABLE_NAME            = var.table.name
        ML_SCHEDULE           = var.freshness.ml_schedule
        LAG_DAYS              = var.freshness.lag_days
        FRESHNESS_GRACE_HOURS = var.freshness.grace_hours
      }
      statements = {
        ReadItems       = { actions = ["dynamodb:BatchGetItem", "dynamodb:GetItem"], resources = [var.table.arn] }
        ReadPublication = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.current_publication}"] }
        ListBucket      = local.list_bucket
        UseKey          = local.decrypt
      }
    }

    # A schedule calls this function, not a state machine.
    report_freshness = {
      memory_mb       = 512
      timeout_seconds = 30
      environment = {
        PIPELINE_BUCKET       = var.pipeline_bucket
        ML_SCHEDULE           = var.freshness.ml_schedule
        LAG_DAYS              = var.freshness.lag_days
        FRESHNESS_GRACE_HOURS = var.freshness.grace_hours
      }
      statements = {
        ReadLiveState = { actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/${var.layout.serving}*"] }
        ListBucket    = local.list_bucket
        UseKey        = local.decrypt
      }
    }

    write_run_receipt = {
      memory_mb       = 1024
      timeout_seconds = 120
      environment = {
        ENVIRONMENT     = var.environment
        PIPELINE_BUCKET = var.pipeline_bucket
        CODE_VERSION    = basename(var.code_prefix)
      }
      statements = {
        # A key of the customer would also need kms:Decrypt, but AWS owns the key of these histories:
        # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
        ReadHistory = {
          actions   = ["states:GetExecutionHistory"]
          resources = [for name in var.state_machine_names : "arn:aws:states:${local.region}:${local.account_id}:execution:${name}:*"]
        }
        ReadDocuments = {
          actions = ["s3:GetObject"]
          resources = [
            for key in [
              "${var.layout.features}*.json", var.layout.labeled_set_manifest, var.layout.model_cards, "${var.layout.push_receipts}*",
              var.layout.current_publication, "${var.layout.drift_reports}*", "${var.layout.run_receipts}*.json",
            ] : "${local.bucket_arn}/${key}"
          ]
        }
        ListBucket   = local.list_bucket
        WriteReceipt = { actions = ["s3:PutObject"], resources = ["${local.bucket_arn}/${var.layout.run_receipts}*"] }
        UseKey       = local.encrypt
      }
    }

    send_sns_notification = {
      memory_mb       = 512
      timeout_seconds = 30
      environment     = { TOPIC_ARN = var.topic_arn }
      statements = {
        Publish = { actions = ["sns:Publish"], resources = [var.topic_arn] }
        UseKey  = local.encrypt
      }
    }
  }

  names = { for name in keys(local.functions) : name => "buyer-stage-${replace(name, "_", "-")}-${var.environment}" }
}

resource "aws_lambda_layer_version" "this" {
  layer_name               = "buyer-stage-${var.environment}"
  description              = "Domain, quality, the code that functions share, and their dependencies."
  s3_bucket                = var.code_bucket
  s3_key                   = "${var.code_prefix}layer.zip"
  source_code_hash         = filebase64sha256("${var.packages_directory}/layer.zip")
  compatible_runtimes      = ["python3.11"]
  compatible_architectures = ["x86_64"]
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.logs.retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_115:A state machine calls one function at a time. Only the lookup, which others call, has a limit.
  # checkov:skip=CKV_AWS_116:The state machine receives every error. If report_freshness fails, its metric is missing, and an alarm notices.
  # checkov:skip=CKV_AWS_117:The functions call AWS APIs only, over TLS, and need nothing in a VPC.
  # checkov:skip=CKV_AWS_272:The name of the code's folder is a hash of its content, and only the apply role can write to it.
  for_each = local.functions

  function_name    = local.names[each.key]
  role             = module.role[each.key].arn
  s3_bucket        = var.code_bucket
  s3_key           = "${var.code_prefix}functions/${each.key}.zip"
  source_code_hash = filebase64sha256("${var.packages_directory}/functions/${each.key}.zip")
  handler          = "handler.handler"
  runtime          = "python3.11"
  architectures    = ["x86_64"]
  layers           = [aws_lambda_layer_version.this.arn]
  memory_size      = each.value.memory_mb

  reserved_concurrent_executions = try(each.value.concurrency, -1)

  timeout     = each.value.timeout_seconds
  kms_key_arn = var.kms_key_arn
  publish     = true

  environment {
    variables = merge(each.value.environment, {
      POWERTOOLS_SERVICE_NAME      = each.key
      POWERTOOLS_METRICS_NAMESPACE = var.metrics_namespace
      POWERTOOLS_LOG_LEVEL         = var.logs.level
    })
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda creates a missing log group itself and keeps its logs forever.
  depends_on = [aws_cloudwatch_log_group.this, module.role]
}

# For people and scripts that call a function. The state machines call versions, so that a rollback of a state machine
# also rolls back the functions that it calls.
resource "aws_lambda_alias" "live" {
  for_each = aws_lambda_function.this

  name             = "live"
  description      = "Latest deployed version."
  function_name    = each.value.function_name
  function_version = each.value.version
}
