"""How good a model is, whether it is allowed to score members, and whether members have drifted. Needs numpy."""
