"""Senders, templates, consents, opt-outs, holds and texts over HTTP."""
