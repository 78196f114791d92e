environment       = "dev"
owner             = "buyer-stage-team"
github_repository = "example-org/buyer-stage-pipelines"
datalake_buckets  = ["amzn-s3-demo-datalake-dev"]
