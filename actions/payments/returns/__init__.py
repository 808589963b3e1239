"""Money that goes back: refunds, voids, and what Stripe says of them."""
