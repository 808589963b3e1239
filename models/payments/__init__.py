"""Payments, attempts to pay, links, refunds, disputes."""
