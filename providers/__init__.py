"""Doors out: one file per provider, plain values in, frozen dataclasses out, one error type."""
