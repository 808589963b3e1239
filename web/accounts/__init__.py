"""Accounts and their settings over HTTP."""
