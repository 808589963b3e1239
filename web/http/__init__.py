"""The machinery of every request: bodies, keys, problems, idempotency, lists."""
