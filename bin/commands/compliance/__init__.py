"""Proof that the contact gate keeps the rules: a checker of its own, a town to try both on."""
