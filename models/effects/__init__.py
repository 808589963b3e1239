"""The ledger of effects at providers, with its pause switches and daily limits."""
