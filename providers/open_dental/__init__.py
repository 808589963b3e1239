"""Open Dental: a practice's own server, reached through Open Dental's API service."""
