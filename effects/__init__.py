"""Doing something outside, once: perform, reconcile."""
