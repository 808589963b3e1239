"""Open Dental: a practice's own server, reached by way of Open Dental's."""
