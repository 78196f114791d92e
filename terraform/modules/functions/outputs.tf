output "names" {
  description = "Folder of lambdas/ -> name of the function."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "version_arns" {
  description = "Folder of lambdas/ -> ARN of the version that was deployed last."
  value       = { for name, function in aws_lambda_function.this : name => function.qualified_arn }
}

output "arns" {
  description = "Folder of lambdas/ -> ARN of the function, without a version."
  value       = { for name, function in aws_lambda_function.this : name => function.arn }
}

output "log_group_names" {
  description = "Log groups of the functions."
  value       = values(aws_cloudwatch_log_group.this)[*].name
}
