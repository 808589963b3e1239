"""Changes sent to the clinic's own software: events, endpoints, deliveries."""
