"""Compares a snapshot's features and stages with the model's training, and its stages with the snapshot before."""
