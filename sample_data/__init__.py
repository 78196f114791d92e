"""A synthetic data lake for demos and tests. See `sample_data.generate`."""
