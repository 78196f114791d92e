"""Extends the time of the live state's items when no later day is served in time."""
