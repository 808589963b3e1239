"""Stand-ins for the services that clinics connect: Google, any OAuth 2 server, Open Dental,
NexHealth.
"""
