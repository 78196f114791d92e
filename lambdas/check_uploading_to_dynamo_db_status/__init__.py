"""Checks whether the push still runs and, when it has ended, that its receipt accounts for every scored line."""
