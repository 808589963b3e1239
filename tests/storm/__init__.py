"""A storm over real processes: seeded load and faults, and an independent judge of the effects and
the money (`bin/test storm`).
"""
