"""Rules about going live: readiness, deployment steps, and their wording."""
