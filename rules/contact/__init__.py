"""Who may be contacted and when, and how inbound texts are interpreted."""
