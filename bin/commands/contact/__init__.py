"""What the ladder does, and would do."""
