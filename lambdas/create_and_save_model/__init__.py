"""Judges a new model and registers it."""
