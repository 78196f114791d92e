"""Tells whether there is a model to score with, so that training is the exception and not the rule."""
