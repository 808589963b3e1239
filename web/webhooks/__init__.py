"""Signed webhooks from Stripe, Twilio and Vapi."""
