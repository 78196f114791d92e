"""Measurements against baselines and peers; nothing in the tests rests on their figures."""
