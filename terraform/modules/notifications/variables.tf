variable "topic_name" {
  description = "Name of the topic."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts messages."
  type        = string
}

variable "emails" {
  description = "Addresses to send alerts to. AWS asks each address to confirm the subscription."
  type        = list(string)
}
