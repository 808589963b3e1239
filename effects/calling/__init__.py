"""Effects that ring at people's."""
