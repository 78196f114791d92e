"""Judges a new model on the holdout and registers it with the verdict."""
