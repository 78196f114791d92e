"""Writes `contracts/`, what others can rely on, from the definitions in the code."""
