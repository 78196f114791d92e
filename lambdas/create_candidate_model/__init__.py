"""Creates a SageMaker model from Autopilot's best candidate and prepares the transforms that score the holdout."""
