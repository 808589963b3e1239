"""Calls through the API, and the endpoint for Vapi's tools."""
