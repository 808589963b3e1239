"""A stand-in for Vapi: files, tools, assistants with versions, squads, phone numbers, chat."""
