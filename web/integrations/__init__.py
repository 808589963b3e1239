"""What a clinic connects: its calendar, its practice software."""
