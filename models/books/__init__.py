"""Stripe's events as they came in, and how far each account's list has been read."""
