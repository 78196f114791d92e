output "topic_arn" {
  description = "ARN of the topic that receives alerts."
  value       = aws_sns_topic.this.arn

  # What subscribes or publishes to the topic needs its policy.
  depends_on = [aws_sns_topic_policy.this]
}
