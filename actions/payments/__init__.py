"""Taking, recording and returning money, and keeping an invoice in step with it."""
