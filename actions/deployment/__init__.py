"""Use cases of going live."""
