variable "topic_name" {
  description = "Name of the topic."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the messages."
  type        = string
}

variable "alert_emails" {
  description = "Addresses that failures are mailed to; each confirms by a mail from AWS."
  type        = list(string)
}
