"""What a clinic has connected: calendars and practice software."""
