"""Google: a clinic's calendar."""
