"""The ledger of outside effects, with its pause switches and daily limits."""
