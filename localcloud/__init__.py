"""AWS on a laptop: does the work of the services that the pipelines run on, with the deployed definitions and code."""
