"""Going live: what a clinic configured, its card, its deployments and what they created."""
