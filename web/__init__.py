"""Doors in: app.py is the route table; one file per audience."""
