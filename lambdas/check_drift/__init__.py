"""Tells how a scored snapshot differs from the model's training and from the one before, so that people see drift."""
