"""Taking, recording and returning money, and keeping invoices in step with it."""
