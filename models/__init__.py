"""Rows: one table per file; a change of a row is a method in the past tense."""
