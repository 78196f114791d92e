"""Spark jobs on a laptop: EMR steps and Glue runs, with their S3 locations staged as local files."""
