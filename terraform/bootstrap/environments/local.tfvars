environment       = "local"
owner             = "local"
github_repository = "example-org/buyer-stage-pipelines"
datalake_buckets  = ["buyer-stage-datalake-local"]

reader_principal_arns = ["arn:aws:iam::111111111111:role/product-team"]
