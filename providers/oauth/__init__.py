"""Whoever speaks OAuth 2: authorization with PKCE, tokens, revocation."""
