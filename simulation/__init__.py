"""The story of the demo, and what keeps it together."""
