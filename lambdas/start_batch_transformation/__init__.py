"""Starts the batch transform that scores a snapshot's members."""
