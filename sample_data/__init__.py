"""Synthetic data lake for demos and tests; see `sample_data.generate`."""
