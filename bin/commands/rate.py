"""`--rate`: how many jobs or events per second a command lets run."""

import click

SLOWEST, FASTEST = 0.001, 100_000.0  # slower, a due time becomes no date


def rate_given(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
    """Return the rate; 0 means all at once. Raises BadParameter."""
    if value and not SLOWEST <= value <= FASTEST:  # nor is NaN, which no range excludes
        raise click.BadParameter(f"{value} is neither 0 nor from {SLOWEST} to {FASTEST:.0f}.")
    return value
