"""Effects of going live."""
