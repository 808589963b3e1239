"""Contacting customers: consents, opt-outs, holds, promises, requested texts and their outcomes."""
