"""Business rules: pure functions and values. No clock, no network, no database."""
