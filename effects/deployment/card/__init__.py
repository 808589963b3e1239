"""Effects at Stripe in the platform's own account: a clinic's card, and the setup fee."""
