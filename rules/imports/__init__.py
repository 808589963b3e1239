"""How files that bookkeeping programs export are read."""
