"""What a clinic configures before it deploys, for free."""
