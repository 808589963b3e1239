"""Opt-outs, however people write them, in many languages."""
