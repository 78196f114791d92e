"""The domain of buyer-stage-pipelines: what a stage, a window, a feature and a snapshot are.

Pure Python with no dependency outside the standard library, because the same code is imported by the
Lambda functions (as a layer), the Spark steps on EMR (`--py-files`) and the Glue job (`--extra-py-files`).
"""
