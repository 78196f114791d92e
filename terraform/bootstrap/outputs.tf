output "state_bucket" {
  description = "Bucket of the Terraform state."
  value       = aws_s3_bucket.this["state"].id
}

output "code_bucket" {
  description = "Bucket of the published code."
  value       = aws_s3_bucket.this["code"].id
}

output "kms_key_arns" {
  description = "ARNs of the KMS keys: `bootstrap` encrypts both buckets, `environment` all data."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}

output "github_oidc_provider_arn" {
  description = "ARN of the account's identity provider for GitHub. Pass it to a second environment in the same account."
  value       = local.github_oidc_provider_arn
}

output "plan_role_arn" {
  description = "ARN of the plan role. Set it as GitHub repository variable AWS_PLAN_ROLE_ARN_<ENVIRONMENT>."
  value       = aws_iam_role.github["plan"].arn
}

output "pull_request_role_arn" {
  description = "ARN of the role that plans pull requests. Set it as GitHub repository variable AWS_PULL_REQUEST_ROLE_ARN_<ENVIRONMENT>. Prod has none."
  value       = one([for purpose, role in aws_iam_role.github : role.arn if purpose == "pull-request"])
}

output "apply_role_arn" {
  description = "ARN of the apply role. Set it as variable AWS_APPLY_ROLE_ARN of the GitHub environment."
  value       = aws_iam_role.github["apply"].arn
}
