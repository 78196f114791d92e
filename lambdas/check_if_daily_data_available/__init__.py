"""Checks whether a snapshot's features are complete and validated, so that scoring never starts on half a day."""
