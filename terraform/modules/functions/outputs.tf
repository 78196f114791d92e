output "names" {
  description = "Folder of lambdas/ -> name of the function."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "arns" {
  description = "Folder of lambdas/ -> ARN of the function."
  value       = { for name, function in aws_lambda_function.this : name => function.arn }
}
