variable "job_name" {
  description = "Name of the job and of its role."
  type        = string
}

variable "code_bucket" {
  description = "Bucket that holds the published code."
  type        = string
}

variable "code_uri" {
  description = "Folder of the version to deploy (s3://), with a slash at its end."
  type        = string
}

variable "pipeline_bucket" {
  description = "Bucket that holds the scores and takes quarantined records and receipts."
  type        = string
}

variable "table_name" {
  description = "Table that the stages are written to."
  type        = string
}

variable "table_arn" {
  description = "ARN of that table."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts bucket and table."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the role; null for none."
  type        = string
}

variable "worker_count" {
  description = "Workers (G.1X)."
  type        = number
}

variable "max_retries" {
  description = "How often Glue runs a failed job again by itself."
  type        = number
}

variable "snapshots_before_stage_change" {
  description = "Snapshots in a row that must name another stage before a member's changes."
  type        = number
}

variable "write_partitions" {
  description = "Into how many partitions the push is divided."
  type        = number
}

variable "maximum_writes_per_second" {
  description = "Rate limit of the push, over all partitions."
  type        = number
}
