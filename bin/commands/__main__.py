"""`python -m bin.commands`, the module that `bin/payphone` runs."""

from bin.commands.program import payphone

if __name__ == "__main__":
    payphone(prog_name="bin/payphone")
