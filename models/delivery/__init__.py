"""Staged jobs, their attempts and turns, and stored answers by idempotency key."""
