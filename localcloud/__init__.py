"""AWS on a laptop: MiniStack, with executors that run the deployed code and definitions for real."""
