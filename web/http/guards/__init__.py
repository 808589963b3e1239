"""Guards: who may make a request, and what is refused before any work is done."""
