"""Starts the Glue run that pushes a snapshot's scored members to DynamoDB."""
