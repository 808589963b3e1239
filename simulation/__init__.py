"""The demo: a simulated clinic's story, and the processes that it needs."""
