"""Clinics, their keys and settings, and the operators who can act for them."""
