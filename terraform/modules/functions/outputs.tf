output "names" {
  description = "Name of each function, by its folder in lambdas/."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "version_arns" {
  description = "ARN of the latest version of each function, by its folder in lambdas/."
  value       = { for name, function in aws_lambda_function.this : name => function.qualified_arn }
}

output "arns" {
  description = "ARN of each function without a version, by its folder in lambdas/."
  value       = { for name, function in aws_lambda_function.this : name => function.arn }
}

output "live_alias_arns" {
  description = "ARN of the alias that points at the latest version of each function, by its folder in lambdas/."
  value       = { for name, alias in aws_lambda_alias.live : name => alias.arn }
}

output "log_group_names" {
  description = "Log groups of the functions."
  value       = values(aws_cloudwatch_log_group.this)[*].name
}

output "aliases" {
  description = "Alias of the latest deployed version of each function, by its folder in lambdas/."
  value       = { for name, alias in aws_lambda_alias.live : name => alias.name }
}
