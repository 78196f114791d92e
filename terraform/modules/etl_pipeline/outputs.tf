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
