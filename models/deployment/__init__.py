"""Rows of going live: what a clinic configured, its card, its deployments and what they made."""
