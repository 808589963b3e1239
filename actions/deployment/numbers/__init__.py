"""Use cases of a clinic's number: had, moved to us, forwarded to, let go."""
