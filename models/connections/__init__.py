"""Connections to SQLite and PostgreSQL whose errors are of few kinds, wherever they arise."""
