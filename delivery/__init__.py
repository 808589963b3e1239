"""How a staged job comes to run: pushing, claiming, retrying, locking and the worker pool."""
