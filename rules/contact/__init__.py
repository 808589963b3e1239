"""Who may be contacted, when, and how what people write is read."""
