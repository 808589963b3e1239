"""Payments over HTTP: intents, confirmation, links, card form, refunds."""
