"""The whole pipeline on this machine, and the summary of what it did."""
