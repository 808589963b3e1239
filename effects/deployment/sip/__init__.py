"""Effects by which a clinic's phone system reaches its receptionist: trunk, logins, addresses."""
