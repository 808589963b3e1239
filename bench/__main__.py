"""`bin/bench`: the benchmarks, one command each."""

import click

from bench.event_cost import event


@click.group()
def bench() -> None:
    """Measure, beside the same thing done otherwise, in one run; ratios carry over, seconds do
    not.
    """


bench.add_command(event)

if __name__ == "__main__":
    bench(prog_name="bin/bench")
