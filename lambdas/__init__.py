"""The functions that the ML state machine calls, one package each, and what they share at their edge."""
