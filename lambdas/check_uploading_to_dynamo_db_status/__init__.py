"""Tells whether the push still runs and, at its end, accounts for every record of it."""
