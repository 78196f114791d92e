output "dead_letter_queue_names" {
  description = "Name of the dead-letter queue of each pipeline's schedule."
  value       = { for pipeline, queue in aws_sqs_queue.dead_letters : pipeline => queue.name }
}
