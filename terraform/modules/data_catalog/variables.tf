variable "database_name" {
  description = "Name of the Glue catalog database."
  type        = string
}

variable "workgroup_name" {
  description = "Name of the Athena workgroup."
  type        = string
}

variable "schema_file" {
  description = "CSV of the tables' columns and Hive types (column,hive_type)."
  type        = string
}

variable "queries_directory" {
  description = "Folder of the queries that Athena offers by name."
  type        = string
}

variable "datalake_bucket" {
  description = "Bucket of the data lake."
  type        = string
}

variable "survey_uri" {
  description = "The survey's answers (CSV, s3://), alone in their folder: a table is a folder."
  type        = string
}

variable "pipeline_bucket" {
  description = "Bucket that takes the results of queries."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the results."
  type        = string
}

variable "bytes_scanned_limit" {
  description = "Bytes that one query may read before Athena stops it."
  type        = number
}
