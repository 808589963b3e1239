"""The agent's tools: what each does, and what it answers."""
