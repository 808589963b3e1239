"""Effects that collect and refund money."""
