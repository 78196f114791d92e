"""Starts SageMaker Autopilot on the labelled set."""
