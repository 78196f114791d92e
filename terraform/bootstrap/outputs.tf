output "state_bucket" {
  description = "Bucket of the Terraform state."
  value       = aws_s3_bucket.this["state"].id
}

output "code_bucket" {
  description = "Bucket of the published code."
  value       = aws_s3_bucket.this["code"].id
}

output "kms_key_arn" {
  description = "ARN of the KMS key that encrypts both buckets."
  value       = aws_kms_key.this.arn
}

output "github_oidc_provider_arn" {
  description = "ARN of the account's identity provider for GitHub. Pass it to a second environment in the same account."
  value       = local.github_oidc_provider_arn
}

output "plan_role_arn" {
  description = "ARN of the plan role. Set it as GitHub repository variable AWS_PLAN_ROLE_ARN_<ENVIRONMENT>."
  value       = aws_iam_role.github["plan"].arn
}

output "apply_role_arn" {
  description = "ARN of the apply role. Set it as variable AWS_APPLY_ROLE_ARN of the GitHub environment."
  value       = aws_iam_role.github["apply"].arn
}
