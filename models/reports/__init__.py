"""Read-only queries over several tables, and the totals kept for them."""
