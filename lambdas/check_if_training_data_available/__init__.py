"""Checks whether there is a labeled set whose splits share no member, before anyone pays for hours of training."""
