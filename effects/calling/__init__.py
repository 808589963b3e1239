"""Effects that place, steer and end phone calls."""
