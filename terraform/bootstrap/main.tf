locals {
  # Noncurrent versions expire after old_version_days, except the latest ones. Current objects never expire, because a
  # rollback needs the code of any version.
  buckets = {
    state = { name = local.names.state_bucket, old_version_days = 90, old_versions_kept = 20 }
    code  = { name = local.names.code_bucket, old_version_days = 30, old_versions_kept = 1 }
  }

  bucket_arns = { for purpose, bucket in local.buckets : purpose => "arn:aws:s3:::${bucket.name}" }
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:CloudTrail data events of the account log access, where the account enables them.
  # checkov:skip=CKV_AWS_144:State and code can be rebuilt in another Region. Object versions are the backup.
  # checkov:skip=CKV2_AWS_62:No consumer waits for a new state or version. People and workflows start deployments.
  for_each = local.buckets

  bucket = each.value.name
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this["bootstrap"].arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.bucket_arns

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value, "${each.value}/*"]

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

  # A request can override the bucket's default encryption, as the S3 backend does with `encrypt = true`.
  statement {
    sid       = "KmsOnly"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "s3:x-amz-server-side-encryption"
      values   = ["aws:kms"]
    }

    condition {
      test     = "Null"
      variable = "s3:x-amz-server-side-encryption"
      values   = ["false"]
    }
  }

  # Uploads in parts cannot carry this condition, so they are denied too.
  dynamic "statement" {
    for_each = each.key == "code" ? [each.value] : []

    content {
      sid       = "CodeIsWrittenOnce"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${statement.value}/${local.layout.code}*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "Null"
        variable = "s3:if-none-match"
        values   = ["true"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 rejects two simultaneous changes to a bucket's access.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "old-versions-and-broken-uploads"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days           = each.value.old_version_days
      newer_noncurrent_versions = each.value.old_versions_kept
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Rules about noncurrent versions need versioning.
  depends_on = [aws_s3_bucket_versioning.this]
}
