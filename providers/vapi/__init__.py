"""Vapi: plain values in, JSON objects without secrets out."""
