"""The Lambda functions that the ML pipeline calls, one package each, and what they share."""
