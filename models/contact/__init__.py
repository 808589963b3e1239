"""Contact with people: consents, opt-outs, decisions of the gate, texts, promises, work items."""
