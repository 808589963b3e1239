"""Stripe's books against ours: receiving events, backfilling missed ones, comparing sums."""
