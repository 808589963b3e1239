"""Clients of every outside service: Stripe, Twilio, Vapi, OAuth providers, calendars and practice
software, and webhook receivers. They take plain values, return dicts or dataclasses, and raise
ProviderError.
"""
