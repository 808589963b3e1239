"""Effects at Vapi: files, tools, assistants, squads, numbers."""
