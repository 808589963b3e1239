"""OAuth 2 with any provider: authorization with PKCE, tokens, revocation."""
