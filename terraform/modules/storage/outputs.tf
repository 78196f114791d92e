output "bucket_name" {
  description = "Name of the pipeline bucket."
  value       = aws_s3_bucket.this.bucket
}

output "suppression_secret_arn" {
  description = "ARN of the secret with the key of the suppression list."
  value       = aws_secretsmanager_secret.suppression_key.arn
}
