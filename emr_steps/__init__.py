"""The Spark steps that EMR runs: a snapshot's features, their validation, and the labeled set."""
