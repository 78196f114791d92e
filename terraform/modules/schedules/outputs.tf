output "dead_letter_queue_names" {
  description = "Pipeline -> name of the queue of its failed starts."
  value       = { for pipeline, queue in aws_sqs_queue.dead_letters : pipeline => queue.name }
}
