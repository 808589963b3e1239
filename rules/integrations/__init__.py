"""Calendars and practice software that a clinic connects: which there are, and when it has time."""
