"""Reconciliation with Stripe's books over HTTP."""
