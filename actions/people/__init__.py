"""What waits for people at the clinic: decided, answered, and opened where it arises."""
