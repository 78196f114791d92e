"""The Glue job that writes the stages of scored members to the serving table."""
