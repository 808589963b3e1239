"""NexHealth: one API in front of many practices' software."""
