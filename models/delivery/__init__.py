"""Staged jobs and kept answers: what is due, claimed, done, dead."""
