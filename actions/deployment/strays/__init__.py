"""Find what is at providers without belonging to an account, and what is ours but missing there."""
