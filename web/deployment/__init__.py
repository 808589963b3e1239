"""Going live over HTTP."""
