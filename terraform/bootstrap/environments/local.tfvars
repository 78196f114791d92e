environment       = "local"
owner             = "local"
github_repository = "example-org/buyer-stage-pipelines"
datalake_buckets  = ["buyer-stage-datalake-local"]
