"""Pages and figures for operators: login, home, RQ, health, metrics."""
