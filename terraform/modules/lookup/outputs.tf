output "url" {
  description = "URL of the lookup, with a slash at its end."
  value       = aws_lambda_function_url.this.function_url
}
