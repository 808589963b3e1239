"""Card numbers, wherever they appear: detect, refuse, redact."""
