"""Effects by which a clinic's own number moves to us."""
