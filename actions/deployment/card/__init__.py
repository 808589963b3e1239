"""The card that a clinic's deployments are charged to, and the guard that requires it."""
