"""The machinery of every request: bodies, API keys, problems, idempotency, lists."""
