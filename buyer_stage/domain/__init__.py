"""Stages, windows, features, documents and the S3 layout. Standard library only."""
