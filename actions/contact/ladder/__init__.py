"""The ladder: who is contacted next, drafts, and a preview of the coming days."""
