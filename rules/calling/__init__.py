"""Decisions about calls: pure."""
