resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:CloudTrail records every read and write, see terraform/modules/audit.
  # checkov:skip=CKV_AWS_144:The pipelines can rebuild the data from the data lake. A copy in another Region would be one more to protect.
  # checkov:skip=CKV2_AWS_62:No consumer waits for objects. The state machines read them on a schedule.
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

# `make forget-members` sets the value on its first use, so that the state does not contain it.
resource "aws_secretsmanager_secret" "suppression_key" {
  # checkov:skip=CKV2_AWS_57:The list holds hashes under this key only. A new key would need the ids of the members who were forgotten.
  name                    = var.suppression_secret_name
  description             = "Key of the hashes in the suppression list."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.force_destroy ? 0 : 30
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

  # A request can override the bucket's default encryption. Under another key, its owner decides who can read the object
  # and until when. A request that names no key is allowed: the bucket then uses the environment's key.
  dynamic "statement" {
    for_each = {
      OtherEncryption = { header = "s3:x-amz-server-side-encryption", test = "StringNotEquals", allowed = "aws:kms" }
      OtherKey        = { header = "s3:x-amz-server-side-encryption-aws-kms-key-id", test = "ArnNotEquals", allowed = var.kms_key_arn }
      CustomersKey    = { header = "s3:x-amz-server-side-encryption-customer-algorithm", test = "StringNotEquals", allowed = "none" }
    }

    content {
      sid       = statement.key
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.this.arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "Null"
        variable = statement.value.header
        values   = ["false"]
      }

      condition {
        test     = statement.value.test
        variable = statement.value.header
        values   = [statement.value.allowed]
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

locals {
  # Days to keep what each day adds. Models and the labeled set have no limit.
  days_kept = {
    features          = 90
    raw_samples       = 30
    inference_results = 30
    quarantine        = 30
    push_receipts     = 365
    served_items      = 30
    stage_changes     = 30
    drift_reports     = 365
    run_receipts      = 365
    emr_logs          = 30
    athena_results    = 30
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "old-versions-and-broken-uploads"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = local.days_kept

    content {
      id     = trimsuffix(var.layout[rule.key], "/")
      status = "Enabled"

      filter {
        prefix = var.layout[rule.key]
      }

      expiration {
        days = rule.value
      }
    }
  }

  # Rules about noncurrent versions need versioning.
  depends_on = [aws_s3_bucket_versioning.this]
}
