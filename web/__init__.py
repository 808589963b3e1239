"""The HTTP API, webhooks and pages; `app.py` lists the routes."""
