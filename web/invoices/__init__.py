"""Customers, invoices, finance and timelines over HTTP."""
