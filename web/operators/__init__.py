"""Pages and figures for whoever runs this: login, home, RQ, health, metrics."""
