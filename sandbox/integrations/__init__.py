"""Stand-ins for what clinics connect: Google, any OAuth 2 server, Open Dental, NexHealth."""
