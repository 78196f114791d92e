output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = aws_sfn_state_machine.this.arn
}

output "alias_arn" {
  description = "What to start: the state machine's version that is live."
  value       = aws_sfn_alias.live.arn
}

output "role_name" {
  description = "Name of the state machine's role."
  value       = aws_iam_role.state_machine.name
}

output "log_group_name" {
  description = "Log group of the state machine."
  value       = aws_cloudwatch_log_group.this.name
}
