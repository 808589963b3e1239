"""How files exported from bookkeeping programs are parsed."""
