"""Stripe: plain values in, frozen dataclasses out."""
