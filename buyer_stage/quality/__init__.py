"""How good a model is, whether it may score members, and whether they have drifted from it. Needs numpy."""
