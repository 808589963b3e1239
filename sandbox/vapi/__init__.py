"""A stand-in for Vapi: files, tools, assistants with versions, squads, numbers, calls, chat."""
