"""Commands for the contact ladder: preview it, and settle calls in doubt."""
