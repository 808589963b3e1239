"""Climbing the ladder: who is contacted next, the drafts of it, and what would happen next week."""
