"""Requested calls, inbound calls, and their outcomes."""
