"""Stripe's events as received, how far each account's list has been read, and reconciliations."""
