"""Tells whether there is a labeled set to train on, before hours of training are paid for."""
