variable "database_name" {
  description = "Name of the Glue Data Catalog database."
  type        = string
}

variable "workgroup_name" {
  description = "Name of the Athena workgroup."
  type        = string
}

variable "schema_file" {
  description = "Path of the CSV file that lists the columns of the behavior summaries and their Hive types (column,hive_type)."
  type        = string
}

variable "queries_directory" {
  description = "Folder of the SQL files that become named queries in Athena."
  type        = string
}

variable "datalake_bucket" {
  description = "Bucket of the data lake."
  type        = string
}

variable "survey_uri" {
  description = "S3 URI of the survey (CSV). It must be the only file in its folder, because an Athena table is a folder."
  type        = string
}

variable "pipeline_bucket" {
  description = "Bucket that receives query results."
  type        = string
}

variable "layout" {
  description = "S3 prefixes and keys from buyer_stage/domain/s3_layout.py. Prefixes end with a slash."
  type = object({
    datalake_tables = string
    athena_results  = string
  })
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts query results."
  type        = string
}

variable "bytes_scanned_limit" {
  description = "Bytes that one query can scan before Athena cancels it."
  type        = number
}
