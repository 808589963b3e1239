"""Connect calendars and practice software, keep their credentials valid, and read free times."""
