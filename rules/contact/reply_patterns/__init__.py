"""Patterns that classify an inbound text, one module per subject."""
