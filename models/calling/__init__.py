"""Outbound and inbound calls, and how many may be under way at once."""
