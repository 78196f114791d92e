"""Makes a model of Autopilot's best candidate."""
