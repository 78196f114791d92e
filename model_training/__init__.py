"""Training: labelled rows in, a model archive out. Every choice is made on members that the fit has not seen."""
