"""Card numbers, wherever they stand: found, refused, redacted."""
