"""Effects that reach people."""
