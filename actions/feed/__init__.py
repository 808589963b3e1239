"""Changes on their way to the clinic's own software."""
