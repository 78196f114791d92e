"""How good a model is, and whether it may serve: needs numpy and the domain only, so that Lambda can run it."""
