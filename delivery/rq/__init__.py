"""What RQ is shown of our jobs: its keys, the scripts that write them, and their mending."""
