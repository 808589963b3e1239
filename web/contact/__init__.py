"""Senders, words, consents, wishes and texts over HTTP."""
