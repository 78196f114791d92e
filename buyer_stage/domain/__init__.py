"""The domain: what a stage, a window, a feature and a snapshot are. Standard library only."""
