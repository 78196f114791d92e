output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = aws_sfn_state_machine.this.arn
}

output "sagemaker_role_arn" {
  description = "Role of the Autopilot and transform jobs."
  value       = aws_iam_role.sagemaker.arn
}
