"""The calendars and practice software that a clinic has connected."""
