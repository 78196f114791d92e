"""Rehearse the deployment: run the commands of GitHub's workflows against a local cloud, each job in a fresh clone."""
