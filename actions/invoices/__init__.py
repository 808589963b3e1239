"""What people decide about invoices, and invoices that come from files."""
