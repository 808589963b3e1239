"""NexHealth: one API for many vendors' practice software."""
