"""Starts the Glue run that pushes a snapshot's stages to DynamoDB."""
