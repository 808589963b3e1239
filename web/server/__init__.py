"""How gunicorn is run, and what its processes on one machine share."""
