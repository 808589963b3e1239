"""Twilio: plain values in, frozen dataclasses out."""
