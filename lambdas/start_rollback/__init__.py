"""Starts the Glue run that brings an earlier state of the table back."""
