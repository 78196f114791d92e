"""The whole pipeline on this machine, and what it says about itself."""
