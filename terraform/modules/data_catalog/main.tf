locals {
  columns = csvdecode(file(var.schema_file))
  windows = ["t001", "t007", "t030", "t060", "t090"]
  queries = { for file in fileset(var.queries_directory, "*.sql") : trimsuffix(file, ".sql") => file("${var.queries_directory}/${file}") }

  parquet = {
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    library       = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
  }
}

resource "aws_glue_catalog_database" "this" {
  name        = var.database_name
  description = "Behavior summaries of the data lake, and the survey. The queries in sql/ read them."
}

resource "aws_glue_catalog_table" "behavior_summary" {
  for_each = toset(local.windows)

  database_name = aws_glue_catalog_database.this.name
  name          = "consumer_analytical_profile_member_id_summary_${each.value}"
  table_type    = "EXTERNAL_TABLE"

  # With partition projection, Athena finds a new snapshot without an ALTER TABLE statement.
  parameters = {
    EXTERNAL                                         = "TRUE"
    classification                                   = "parquet"
    "projection.enabled"                             = "true"
    "projection.snapshot_date_mst_yyyymmdd.type"     = "date"
    "projection.snapshot_date_mst_yyyymmdd.format"   = "yyyyMMdd"
    "projection.snapshot_date_mst_yyyymmdd.range"    = "20200101,NOW"
    "projection.snapshot_date_mst_yyyymmdd.interval" = "1"
  }

  partition_keys {
    name = "snapshot_date_mst_yyyymmdd"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${var.datalake_bucket}/${var.layout.datalake_tables}consumer_analytical_profile_member_id_summary_${each.value}/"
    input_format  = local.parquet.input_format
    output_format = local.parquet.output_format

    ser_de_info {
      serialization_library = local.parquet.library
    }

    dynamic "columns" {
      for_each = local.columns

      content {
        name = columns.value.column
        type = columns.value.hive_type
      }
    }
  }
}

resource "aws_glue_catalog_table" "survey" {
  database_name = aws_glue_catalog_database.this.name
  name          = "survey"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                 = "TRUE"
    classification           = "csv"
    "skip.header.line.count" = "1"
  }

  storage_descriptor {
    location      = trimsuffix(var.survey_uri, basename(var.survey_uri)) # dirname would turn s3:// into s3:/
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
      parameters            = { separatorChar = ",", quoteChar = "\"" }
    }

    dynamic "columns" {
      for_each = ["member_id", "start_date", "end_date", "stage_label_1", "stage_label_2", "stage_label_3"]

      content {
        name = columns.value
        type = "string"
      }
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name          = var.workgroup_name
  description   = "Queries about members and the labeled set."
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.bytes_scanned_limit

    result_configuration {
      output_location = "s3://${var.pipeline_bucket}/${var.layout.athena_results}"

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = local.queries

  name        = "buyer-stage-${replace(each.key, "_", "-")}"
  description = split("\n", trimprefix(each.value, "-- "))[0]
  workgroup   = aws_athena_workgroup.this.id
  database    = aws_glue_catalog_database.this.name
  query       = each.value
}
