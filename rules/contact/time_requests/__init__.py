"""What the words around a time mean for it: a length, a time in the past, an absence."""
