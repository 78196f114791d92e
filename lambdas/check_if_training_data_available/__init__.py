"""Tells whether there is a labelled set to train on, before hours of training are paid for."""
