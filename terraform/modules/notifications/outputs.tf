output "topic_arn" {
  description = "Topic that failures are published to."
  value       = aws_sns_topic.this.arn
}
