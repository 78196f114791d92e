data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  region     = data.aws_region.current.name
  account_id = data.aws_caller_identity.current.account_id

  # Spark generates methods that Java by default considers too long to compile, and interprets for every row. Without
  # traps, Java compiles each of them once, not again for every rare value. The higher thresholds leave out what runs only
  # while Spark starts. benchmarks/README.md has the measurements. The settings of one machine are in tools/local_spark.py.
  java_options = join(" ", [
    "-XX:-DontCompileHugeMethods", "-XX:PerMethodTrapLimit=0", "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000", "-XX:Tier4CompileThreshold=150000", "-XX:Tier4BackEdgeThreshold=400000",
  ])

  # Each execution has its own cluster. This is the input of elasticmapreduce:createCluster.
  cluster = {
    Name                 = "{% 'buyer-stage-etl-${var.environment}-' & $snapshot_date %}"
    ReleaseLabel         = var.emr.release
    Applications         = [{ Name = "Spark" }]
    LogUri               = "s3://${var.pipeline_bucket}/${var.layout.emr_logs}"
    ServiceRole          = module.emr_service.arn
    JobFlowRole          = aws_iam_instance_profile.emr_instances.name
    VisibleToAllUsers    = true
    StepConcurrencyLevel = 1

    SecurityConfiguration = aws_emr_security_configuration.this.name

    Instances = merge(
      {
        KeepJobFlowAliveWhenNoSteps = true
        TerminationProtected        = false
        InstanceFleets = [
          {
            Name                   = "master"
            InstanceFleetType      = "MASTER"
            TargetOnDemandCapacity = 1
            InstanceTypeConfigs    = [for type in var.emr.master_instance_types : { InstanceType = type }]
          },
          {
            Name                = "core"
            InstanceFleetType   = "CORE"
            TargetSpotCapacity  = var.emr.core_instance_count
            InstanceTypeConfigs = [for type in var.emr.core_instance_types : { InstanceType = type, WeightedCapacity = 1 }]
            LaunchSpecifications = {
              SpotSpecification = {
                AllocationStrategy     = "capacity-optimized"
                TimeoutDurationMinutes = 15
                TimeoutAction          = "SWITCH_TO_ON_DEMAND"
              }
            }
          },
        ]
      },
      length(var.emr.subnet_ids) == 0 ? {} : { Ec2SubnetIds = var.emr.subnet_ids },
    )

    BootstrapActions = [
      {
        Name                  = "install what the steps need"
        ScriptBootstrapAction = { Path = "${var.code_uri}emr_steps/bootstrap.sh" }
      },
    ]

    Configurations = [
      {
        Classification = "spark-env"
        Properties     = {}
        Configurations = [{ Classification = "export", Properties = { PYSPARK_PYTHON = "python3.11" } }]
      },
      {
        Classification = "spark-defaults"
        Properties = {
          "spark.sql.session.timeZone"      = "UTC"
          "spark.driver.extraJavaOptions"   = local.java_options
          "spark.executor.extraJavaOptions" = local.java_options
        }
      },
    ]

    ManagedScalingPolicy = {
      ComputeLimits = {
        UnitType                     = "InstanceFleetUnits"
        MinimumCapacityUnits         = var.emr.core_instance_count
        MaximumCapacityUnits         = var.emr.core_instance_limit
        MaximumOnDemandCapacityUnits = var.emr.core_instance_count
        MaximumCoreCapacityUnits     = var.emr.core_instance_limit
      }
    }

    # Ends the cluster if the execution stops before it can.
    AutoTerminationPolicy = { IdleTimeout = 900 }

    Tags = [
      for key, value in merge(var.tags, { "for-use-with-amazon-emr-managed-policies" = "true" }) :
      { Key = key, Value = value }
    ]
  }
}

resource "aws_emr_security_configuration" "this" {
  name = var.state_machine_name

  configuration = jsonencode({
    EncryptionConfiguration = {
      EnableAtRestEncryption = true
      AtRestEncryptionConfiguration = {
        S3EncryptionConfiguration = {
          EncryptionMode = "SSE-KMS"
          AwsKmsKey      = var.kms_key_arn
        }
        LocalDiskEncryptionConfiguration = {
          EncryptionKeyProviderType = "AwsKms"
          AwsKmsKey                 = var.kms_key_arn
          EnableEbsEncryption       = true
        }
      }
      EnableInTransitEncryption = true
      InTransitEncryptionConfiguration = {
        TLSCertificateConfiguration = {
          CertificateProviderType = "PEM"
          S3Object                = "s3://${var.code_bucket}/${var.layout.emr_certificate}"
        }
      }
    }
    InstanceMetadataServiceConfiguration = {
      MinimumInstanceMetadataServiceVersion = 2
      HttpPutResponseHopLimit               = 1
    }
  })
}

module "state_machine" {
  source = "../state_machine"

  name                     = var.state_machine_name
  policy                   = data.aws_iam_policy_document.state_machine.json
  kms_key_arn              = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  log_retention_days       = var.log_retention_days

  # The file is valid JSON by itself: a string marks where this object goes.
  definition = replace(
    templatefile(var.template, merge(var.function_version_arns, {
      cluster             = "cluster"
      cluster_minutes     = var.emr.cluster_minutes
      code_uri            = var.code_uri
      datalake_uri        = "s3://${var.datalake_bucket}"
      pipeline_bucket_uri = "s3://${var.pipeline_bucket}"
      snapshot_date       = var.snapshot_date
      suppression_secret  = var.suppression_secret_arn
      survey_uri          = var.survey_uri
    })),
    "\"{% cluster %}\"", jsonencode(local.cluster)
  )
}
