"""Redis: connecting to it, and a Valkey of our own where there is none."""
