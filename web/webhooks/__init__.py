"""Signed webhooks from Stripe and Twilio."""
