"""Makes a SageMaker model of Autopilot's best candidate and records it as the one to score with."""
