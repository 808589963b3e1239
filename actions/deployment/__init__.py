"""Use cases for taking a clinic live."""
