"""The ledger of effects: calls to providers that must happen at most once, and resolving doubts
about them.
"""
