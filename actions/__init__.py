"""Use cases: they change rows and stage jobs in one transaction, and know no HTTP."""
