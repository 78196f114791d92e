"""Gives the items of the live state more time before they expire, when no later day is served in time."""
