"""`bin/bench`: the benchmarks, one command each."""

import click

from bench.event_cost import event
from bench.growth import growth


@click.group()
def bench() -> None:
    """Measure, beside the same thing done otherwise, in one run; ratios carry over, seconds do
    not.
    """


bench.add_command(event)
bench.add_command(growth)

if __name__ == "__main__":
    bench(prog_name="bin/bench")
