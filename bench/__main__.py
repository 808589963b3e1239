"""`bin/bench`: the benchmarks, one command each."""

import click

from bench.event_cost import event
from bench.growth import growth
from bench.memory import memory
from bench.quick import quick
from bench.tools import tools


@click.group(invoke_without_command=True)
@click.pass_context
def bench(ctx: click.Context) -> None:
    """Compare the cost of things with another way to do them, in one run. Ratios carry over to
    other machines, seconds do not. Without a command: `quick`.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(quick)


bench.add_command(event)
bench.add_command(growth)
bench.add_command(memory)
bench.add_command(quick)
bench.add_command(tools)

if __name__ == "__main__":
    bench(prog_name="bin/bench")
