"""Effects that send texts."""
