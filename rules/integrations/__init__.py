"""Calendars and practice software that a clinic connects: the providers, and the clinic's free
times.
"""
