"""The operator's command line, `bin/payphone`: one file, one group of commands."""
