"""Rules about calls: pure."""
