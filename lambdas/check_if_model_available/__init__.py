"""Checks whether there is an approved model to score with, and whether to train another one."""
