"""Delivering changes to the clinic's own software."""
