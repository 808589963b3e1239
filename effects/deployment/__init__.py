"""Effects of deploying a clinic's receptionist."""
