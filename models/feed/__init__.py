"""Changes told to the clinic's own software: events, endpoints, deliveries."""
