output "job_name" {
  description = "Name of the job."
  value       = aws_glue_job.this.name
}
