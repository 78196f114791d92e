output "bucket_name" {
  description = "Name of the pipeline bucket."
  value       = aws_s3_bucket.this.bucket
}
