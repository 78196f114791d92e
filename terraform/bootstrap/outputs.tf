output "state_bucket" {
  description = "Bucket of the Terraform state: the `bucket` of terraform/environments/<environment>.s3.tfbackend."
  value       = aws_s3_bucket.this["state"].id
}

output "code_bucket" {
  description = "Bucket of the published code."
  value       = aws_s3_bucket.this["code"].id
}

output "kms_key_arn" {
  description = "Key that encrypts both."
  value       = aws_kms_key.this.arn
}

output "github_oidc_provider_arn" {
  description = "The account's identity provider for GitHub; a second environment in this account is given it."
  value       = local.github_oidc_provider_arn
}

output "plan_role_arn" {
  description = "GitHub repository variable AWS_PLAN_ROLE_ARN_<ENVIRONMENT>."
  value       = aws_iam_role.github["plan"].arn
}

output "apply_role_arn" {
  description = "Variable AWS_APPLY_ROLE_ARN of the GitHub environment."
  value       = aws_iam_role.github["apply"].arn
}
