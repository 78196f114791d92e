"""Answers which stages members have."""
