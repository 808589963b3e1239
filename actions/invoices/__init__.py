"""What staff decide about invoices, and importing invoices from files."""
