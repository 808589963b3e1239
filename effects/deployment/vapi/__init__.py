"""Effects of a deployment at Vapi."""
