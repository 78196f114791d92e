data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  trail_arn  = "arn:aws:cloudtrail:${data.aws_region.current.name}:${local.account_id}:trail/${var.trail_name}"
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:The records name who reads members' data. A record of who reads the records would not end.
  # checkov:skip=CKV_AWS_144:A trail of the organization is the copy for accounts that need one.
  # checkov:skip=CKV2_AWS_62:No consumer waits for records. People search them when they have a question.
  bucket        = var.bucket_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = {
      CheckAcl     = { action = "s3:GetBucketAcl", resource = aws_s3_bucket.this.arn }
      WriteRecords = { action = "s3:PutObject", resource = "${aws_s3_bucket.this.arn}/AWSLogs/${local.account_id}/*" }
    }

    content {
      sid       = statement.key
      actions   = [statement.value.action]
      resources = [statement.value.resource]

      principals {
        type        = "Service"
        identifiers = ["cloudtrail.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceArn"
        values   = [local.trail_arn]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  # S3 rejects two simultaneous changes to a bucket's access.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "records"
    status = "Enabled"

    filter {}

    expiration {
      days = 365
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Rules about noncurrent versions need versioning.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_cloudtrail" "this" {
  # checkov:skip=CKV_AWS_252:No consumer waits for records. People search them when they have a question.
  # checkov:skip=CKV2_AWS_10:The records stay in the bucket, where Athena can search them. A copy in a log group would cost more than the trail.
  # checkov:skip=CKV_AWS_67:The bucket and the table are in this Region, and the trail records nothing but their data events.
  name                          = var.trail_name
  s3_bucket_name                = aws_s3_bucket.this.id
  kms_key_id                    = var.kms_key_arn
  enable_log_file_validation    = true
  include_global_service_events = false

  # The account's own trail records management events.
  event_selector {
    read_write_type           = "All"
    include_management_events = false

    data_resource {
      type   = "AWS::S3::Object"
      values = [for bucket in var.data_buckets : "arn:aws:s3:::${bucket}/"]
    }

    data_resource {
      type   = "AWS::DynamoDB::Table"
      values = var.data_tables
    }
  }

  # CloudTrail tests the policy when it creates the trail.
  depends_on = [aws_s3_bucket_policy.this]
}
