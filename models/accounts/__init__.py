"""Clinics, their keys and settings, and the operators who may act for them."""
