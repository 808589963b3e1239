"""Calls to people and from them, and how many there may be at once."""
