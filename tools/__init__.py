"""Commands for people who work on the project. None of them is deployed."""
