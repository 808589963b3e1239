"""Connections to SQLite and PostgreSQL that raise few kinds of errors."""
