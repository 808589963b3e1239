"""`bin/bench tools`: how long callers wait for the assistant's tools, with one call and with many.

Each call behaves like a conversation: a question, then some seconds of speech. What carries over to
other machines is the ratio of the 99th percentile with many calls to the median with one.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import quantiles

import click

from bench.output import console, table
from bench.redis_server import redis_server

ROOT = Path(__file__).parents[1]
GOAL = 3.0  # p99 with many calls, as a multiple of p50 with one


@click.command()
@click.option("--calls", default=50, show_default=True, help="Calls at once.")
@click.option("--seconds", default=20, show_default=True, help="How long each turn lasts.")
def tools(calls: int, seconds: int) -> None:
    """Measure `POST /api/vapi/tools` with one call, and with many."""
    busy, _, _ = os.getloadavg()  # the load before ours
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis_url:
        env = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/payphone.db",
            "REDIS_URL": redis_url,
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "bench.tools_driver", str(calls), str(seconds)]
        done = subprocess.run(  # noqa: S603 - our own driver
            command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
    waits: dict[str, dict[str, list[float]]] = json.loads(done.stdout)
    names = {"alone": "one call", "together": f"{calls} calls at once"}
    rows = [
        [f"{what}, {names[turn]}", _shown(found, 50), _shown(found, 99), str(len(found))]
        for what in ("reads", "writes")
        for turn, found in ((turn, waits[turn][what]) for turn in names)
    ]
    table(["", "p50 ms", "p99 ms", "questions"], rows)
    for what in ("reads", "writes"):
        ratio = _at(waits["together"][what], 99) / _at(waits["alone"][what], 50)
        verdict = "within" if ratio <= GOAL else "over"
        console.print(
            f"{what.capitalize()}: p99 of many is {ratio:.1f} × p50 of one, {verdict} the goal of"
            f" {GOAL:.0f}."
        )
    if busy > (os.cpu_count() or 1):
        console.print(
            f"The machine was busy with other work (a load of {busy:.0f}), which made callers wait:"
            " measure again when it is idle."
        )


def _at(waits: list[float], percent: int) -> float:
    return quantiles(waits, n=100, method="inclusive")[percent - 1]


def _shown(waits: list[float], percent: int) -> str:
    return f"{_at(waits, percent) * 1000:.1f}"
