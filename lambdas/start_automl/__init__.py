"""Starts SageMaker Autopilot on the labeled set."""
