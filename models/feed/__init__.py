"""Events sent to the clinics' own software: the feed, webhook endpoints, deliveries."""
