output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.state_machine.arn
}

output "alias_arn" {
  description = "ARN of the alias of the live version. Start this alias."
  value       = module.state_machine.alias_arn
}

output "log_group_name" {
  description = "Log group of the state machine."
  value       = module.state_machine.log_group_name
}

output "sagemaker_role_arns" {
  description = "ARNs of the roles that SageMaker uses: of Autopilot's jobs, and of a model that scores."
  value       = { for use, role in module.sagemaker_role : use => role.arn }
}

output "model_package_group_arn" {
  description = "ARN of the model package group."
  value       = aws_sagemaker_model_package_group.this.arn
}

output "model_package_group_name" {
  description = "Name of the model package group."
  value       = aws_sagemaker_model_package_group.this.model_package_group_name
}
