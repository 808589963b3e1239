"""Commands for providers' events, and for comparing our books with Stripe's."""
