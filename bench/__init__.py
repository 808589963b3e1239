"""What things cost, measured beside the same thing done otherwise. Nothing here is imported by the
application, and nothing asserts a time.
"""
