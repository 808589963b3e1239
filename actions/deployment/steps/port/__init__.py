"""The steps by which a clinic's number moves to us; its carrier takes days over them."""
