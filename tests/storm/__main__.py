"""`bin/test storm`."""

import argparse
import random
import signal
import sys

from tests.storm.run import main

parser = argparse.ArgumentParser(
    prog="bin/test storm",
    description="Real processes under seeded load and faults, judged by what the providers did.",
)
parser.add_argument(
    "--seed", type=int, default=None, help="repeats a storm's load and faults; drawn if not given"
)
parser.add_argument(
    "--seconds", type=float, default=60.0, help="how long it strikes, on each database"
)
parser.add_argument("--db", choices=["sqlite", "postgres", "both"], default="both")
chosen = parser.parse_args()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as on Ctrl-C: its processes end too
seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
sys.exit(main(["sqlite", "postgres"] if chosen.db == "both" else [chosen.db], seed, chosen.seconds))
