"""Effects of a deployment at Twilio."""
