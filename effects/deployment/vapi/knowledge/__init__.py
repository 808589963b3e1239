"""Effects at Vapi by which a receptionist knows its clinic's files."""
