"""The policies of roles, enforced on every call that a role makes, and the list of those calls."""
