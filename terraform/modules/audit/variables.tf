variable "trail_name" {
  description = "Name of the trail."
  type        = string
}

variable "bucket_name" {
  description = "Name of the bucket that receives the trail's records."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the records. Its policy must let CloudTrail use it for this trail."
  type        = string
}

variable "force_destroy" {
  description = "Whether Terraform can delete the bucket while it holds records."
  type        = bool
}

variable "data_buckets" {
  description = "Buckets to watch. The trail records every read and write of an object."
  type        = list(string)
}

variable "data_tables" {
  description = "ARNs of the tables to watch. The trail records every read and write of an item."
  type        = list(string)
}
