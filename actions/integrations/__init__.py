"""Connecting calendars and practice software, keeping credentials good, reading free times."""
