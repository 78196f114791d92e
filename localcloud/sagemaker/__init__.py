"""SageMaker on a laptop: Autopilot, batch transform, the inference container and the model registry."""
