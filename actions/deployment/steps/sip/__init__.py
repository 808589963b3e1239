"""The steps by which a clinic's own phone system reaches its receptionist; nothing is bought."""
