"""The steps that port a clinic's number to us; its carrier takes days."""
