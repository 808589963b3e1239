"""`python -m bin.commands`, which is what `bin/payphone` runs."""

from bin.commands.program import payphone

if __name__ == "__main__":
    payphone(prog_name="bin/payphone")
