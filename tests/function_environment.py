"""The environment variables of the Lambda functions in tests.

A handler creates its AWS clients when it is imported, and moto mocks only clients that are created after moto is
imported. Import this module first.

The keys do not belong to any account: a test that misses the mock must not reach one.
"""

from typing import Literal

import moto  # noqa: F401

REGION: Literal["us-west-2"] = "us-west-2"

FUNCTION_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "POWERTOOLS_SERVICE_NAME": "buyer-stage",
    "POWERTOOLS_METRICS_NAMESPACE": "BuyerStage",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "ENVIRONMENT": "test",
    "TAGS": '{"environment": "test", "product": "buyer-stage"}',
    "PIPELINE_BUCKET": "buyer-stage-pipeline",
    "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/sagemaker",
    "KMS_KEY_ARN": "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555",
    "AUTOML_MAX_CANDIDATES": "200",
    "AUTOML_MAX_RUNTIME_SECONDS": "8000",
    "TRANSFORM_INSTANCE_TYPE": "ml.m5.xlarge",
    "TRANSFORM_INSTANCE_COUNT": "4",
    "GLUE_JOB_NAME": "buyer-stage-push",
    "GLUE_MAX_RETRIES": "1",
    "CODE_URI": "s3://buyer-stage-code/code/1a2b3c4d5e6f/",
    "SUBNET_IDS": "[]",
    "SECURITY_GROUP_IDS": "[]",
    "TTL_DAYS": "5",
    "ML_SCHEDULE": "cron(0 10 * * ? *)",
    "LAG_DAYS": "2",
    "FRESHNESS_GRACE_HOURS": "6",
    "SNAPSHOTS_BEFORE_STAGE_CHANGE": "1",
    "MODEL_PACKAGE_GROUP": "buyer-stage-test",
    "MAXIMUM_MODEL_AGE_DAYS": "30",
    "RETRAIN_ON_DRIFT": "true",
    "CODE_VERSION": "1a2b3c4d5e6f",
    "TABLE_NAME": "buyer-stage-results",
    "TOPIC_ARN": f"arn:aws:sns:{REGION}:123456789012:buyer-stage-failures",
}
