"""A stand-in for Twilio: texts, calls, numbers, SIP trunks, ports, and their webhooks."""
