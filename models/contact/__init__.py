"""People: consents, wishes to stop, decisions of the gate, texts."""
