"""Payments, attempts, links, refunds, disputes."""
