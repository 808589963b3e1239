"""Accounts with their keys and settings, and the operators."""
