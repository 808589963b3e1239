"""Money that goes back: refunds, voids, disputes, and Stripe's reports about them."""
