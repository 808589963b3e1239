"""How RQ sees our jobs: its keys, the scripts that write them, and their repair."""
