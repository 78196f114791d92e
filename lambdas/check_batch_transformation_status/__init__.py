"""Checks whether the transform still scores, so that the state machine waits, goes on or fails."""
