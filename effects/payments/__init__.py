"""Effects that collect money, and give it back."""
