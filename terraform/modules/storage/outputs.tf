output "bucket_name" {
  description = "Name of the pipeline bucket."
  value       = aws_s3_bucket.this.id
}

output "code_prefix" {
  description = "Prefix of this version's code in the bucket; known once the code is there."
  value       = local.code_prefix

  depends_on = [aws_s3_object.code]
}

output "code_uri" {
  description = "The same as s3://, with a slash at its end."
  value       = "s3://${aws_s3_bucket.this.id}/${local.code_prefix}"

  depends_on = [aws_s3_object.code]
}
