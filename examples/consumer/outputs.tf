output "reader_role_arn" {
  description = "ARN of the role for your code. The owners of the product need it."
  value       = aws_iam_role.this["reader"].arn
}

output "queue_url" {
  description = "URL of the queue that receives the events."
  value       = aws_sqs_queue.events.url
}

output "dead_letter_queue_url" {
  description = "URL of the queue that keeps what could not be delivered or processed."
  value       = aws_sqs_queue.dead_letters.url
}
