"""Calls through the API, and Vapi's door."""
