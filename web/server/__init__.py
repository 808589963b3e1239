"""How gunicorn runs, and what its processes on one machine share."""
