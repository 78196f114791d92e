environment         = "prod"
deletion_protection = true

tags      = { owner = "buyer-stage-team" }
datalake  = { bucket = "amzn-s3-demo-datalake-prod" } # A placeholder: S3 lets no account create a bucket with this prefix.
automl    = { max_candidates = 250, max_runtime_seconds = 8000 }
transform = { instance_count = 5 }
push      = { ttl_days = 7 }
schedules = { enabled = true }

# PLACEHOLDERS: replace them with your private subnets. Only the local cloud accepts IDs that consist of zeros.
emr           = { subnet_ids = ["subnet-00000000000000000"] }
sagemaker_vpc = { subnet_ids = ["subnet-00000000000000000"], security_group_ids = ["sg-00000000000000000"] }

alerts = {
  monthly_budget_usd = 4000
}
