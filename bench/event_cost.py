"""`bin/bench event --against REV`: compares what a Stripe event costs in this revision and another.

The two take turns, so that a machine that becomes slower affects both. Only the ratios of the
medians carry over to other machines. The counts of statements exclude BEGIN and COMMIT.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.progress import Progress

from bench.output import console, table
from bench.redis_server import redis_server

ROOT = Path(__file__).parents[1]
DRIVER = ROOT / "bench" / "event_driver.py"
COUNTED = {
    "intake_cpu": "webhook: CPU",
    "work_cpu": "process_stripe_event: CPU",
    "intake_statements": "webhook: statements",
    "work_statements": "process_stripe_event: statements",
    "intake_redis": "webhook: Redis commands",
    "work_redis": "process_stripe_event: Redis commands",
}


@click.command()
@click.option("--against", default="", help="Another revision, such as 61d60fa or main.")
@click.option("--rounds", default=5, show_default=True, help="Turns of each.")
@click.option("--events", default=400, show_default=True, help="Events in a turn.")
def event(against: str, rounds: int, events: int) -> None:
    """Measure what one event costs: at the webhook, and in its job."""
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis_url:
        trees = {"this tree": ROOT}
        if against:
            trees[against] = _tree_of(against, Path(folder))
        found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("measuring", total=rounds * len(trees))
            for _ in range(rounds):
                for name, tree in trees.items():
                    found[name].append(_measured(tree, redis_url, events))
                    progress.advance(task)
    medians = {
        name: {what: median(turn[what] for turn in turns) for what in COUNTED}
        for name, turns in found.items()
    }
    rows = [[COUNTED[what], *_row(what, list(medians.values()))] for what in COUNTED]
    table(["an event", *medians, *(["ratio"] if against else [])], rows)


def _row(what: str, each: list[dict[str, float]]) -> list[str]:
    values = [one[what] for one in each]
    shown = [f"{value * 1e3:.2f} ms" if "cpu" in what else f"{value:.0f}" for value in values]
    if len(values) > 1:
        shown.append(f"{values[0] / values[1]:.2f}" if values[1] else "")
    return shown


def _measured(tree: Path, redis_url: str, events: int) -> dict[str, Any]:
    ran = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(DRIVER), str(events)],
        cwd=tree,
        env=os.environ | {"REDIS_URL": redis_url, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise click.ClickException(f"The run in {tree} failed:\n{ran.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return measured


def _tree_of(revision: str, folder: Path) -> Path:
    """Unpack the files of a revision, and return their folder."""
    tree = folder / "tree"
    tree.mkdir()
    packed = subprocess.run(  # noqa: S603
        ["git", "archive", revision],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if packed.returncode:
        raise click.BadParameter(packed.stderr.decode().strip(), param_hint="--against")
    subprocess.run(["tar", "-x"], cwd=tree, input=packed.stdout, check=True)  # noqa: S607
    return tree
