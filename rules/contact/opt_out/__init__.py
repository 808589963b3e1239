"""Wishes to stop, however people write them, in many languages."""
