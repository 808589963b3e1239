"""The steps that connect a clinic's own phone system to its receptionist; nothing is bought."""
