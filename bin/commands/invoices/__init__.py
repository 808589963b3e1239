"""Import invoices from a file."""
