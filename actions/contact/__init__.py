"""Consents, wishes to stop, texts asked for and what became of them."""
