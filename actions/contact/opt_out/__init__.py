"""Wishes to stop and to start again: recorded, imported, ended."""
