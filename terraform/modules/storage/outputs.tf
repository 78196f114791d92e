output "bucket_name" {
  description = "Name of the pipeline bucket."
  value       = aws_s3_bucket.this.id
}

output "code_uri" {
  description = "Folder of the code, with a slash at its end; known once the code is there."
  value       = "s3://${aws_s3_bucket.this.id}/code/${var.code_version}/"

  depends_on = [aws_s3_object.code]
}
