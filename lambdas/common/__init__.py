"""What the handlers share: wiring, events, environment variables, documents and AWS errors. Ships in the layer."""
