"""Stripe's books against ours: events received, missed days read, sums compared."""
