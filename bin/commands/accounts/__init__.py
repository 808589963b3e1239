"""Commands for accounts, API keys, operators and the audit log."""
