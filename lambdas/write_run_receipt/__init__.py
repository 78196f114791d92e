"""Writes the receipt of an execution."""
