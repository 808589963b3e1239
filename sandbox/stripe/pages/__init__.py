"""Pages that payers see: the hosted payment page, and the frames of Stripe.js."""
