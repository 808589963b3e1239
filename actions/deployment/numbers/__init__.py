"""Use cases of a clinic's number: buy, port, forward, release."""
