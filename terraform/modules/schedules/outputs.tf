output "dead_letter_queue_names" {
  description = "Name of the dead-letter queue of each schedule."
  value       = { for name, queue in aws_sqs_queue.dead_letters : name => queue.name }
}
