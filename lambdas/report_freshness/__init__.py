"""Reports how many days the live snapshot is behind the one that should be live by now."""
