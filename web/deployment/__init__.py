"""Going live over HTTP: the wizard, its review, and deployments."""
