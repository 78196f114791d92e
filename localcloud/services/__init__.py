"""What the local cloud adds to MiniStack: services that do the work that MiniStack only records."""
