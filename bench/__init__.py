"""Benchmarks: what things cost, compared with another way to do them. The application imports
nothing from here, and nothing asserts a time.
"""
