output "topic_arn" {
  description = "ARN of the topic that receives alerts."
  value       = aws_sns_topic.this.arn
}
