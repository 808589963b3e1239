"""Importing invoices from a file."""
