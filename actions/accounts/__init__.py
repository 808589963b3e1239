"""Accounts, their API keys and settings, and operators."""
