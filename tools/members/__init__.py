"""Find members everywhere in an environment, and forget them."""
