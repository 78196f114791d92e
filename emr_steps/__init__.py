"""The Spark steps that EMR runs: features of a snapshot, their validation, and the labeled set."""
