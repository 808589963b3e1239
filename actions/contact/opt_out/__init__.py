"""Opt-outs and opt-ins: recorded, imported, ended."""
