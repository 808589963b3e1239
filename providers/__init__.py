"""All calls to Stripe, Twilio and webhook receivers. They take plain values, return dicts or
dataclasses, and raise ProviderError.
"""
