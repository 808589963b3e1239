"""The ledger of effects: provider calls that must happen at most once, and how those in doubt are
settled.
"""
