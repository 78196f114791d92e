"""The Glue job that hands the scored members over to the serving table."""
