"""Prove that the contact gate keeps the rules, with an independent checker and random cases."""
