"""Says what failed and where, with a link to the execution, before the execution ends as failed."""
