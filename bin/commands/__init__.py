"""The operator's command line, `bin/payphone`: one file for each group of commands."""
