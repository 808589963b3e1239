"""Commands about providers' events, and about Stripe's books against ours."""
