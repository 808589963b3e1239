"""A stand-in for Stripe, as far as Payphone uses it."""
