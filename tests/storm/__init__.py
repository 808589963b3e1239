"""A storm over real processes: seeded load and faults, and a judge of its own over effects and
money (`bin/test storm`).
"""
