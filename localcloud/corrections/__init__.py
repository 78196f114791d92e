"""Corrections of MiniStack where it differs from AWS and the product relies on AWS; see decision 8."""
