"""The agent's tools: what each does and answers."""
