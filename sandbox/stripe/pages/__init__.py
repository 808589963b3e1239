"""Pages that people see: the hosted payment page, and the frames of Stripe.js."""
