"""Decisions about going live: what is ready, which steps there are, and in what words."""
