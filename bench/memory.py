"""`bin/bench memory`: how much memory each process takes, as its proportional share (PSS): a page
that several have counts in parts. Linux only.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from bench.output import table
from bench.redis_server import redis_server

ROOT = Path(__file__).parents[1]
PATIENCE = 90.0
REQUESTS = 200
MOST = {"web": 45.0, "worker": 15.0}  # MiB


@click.command()
def memory() -> None:
    """Print the memory of web, workers and scheduler after some requests."""
    with tempfile.TemporaryDirectory(prefix="bench") as name, ExitStack() as stack:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        env = os.environ | {
            "REDIS_URL": stack.enter_context(redis_server(folder)),
            "DATABASE_URL": f"sqlite:///{folder}/payphone.db",
            "PORT": str(port),
            "LOG_LEVEL": "WARNING",
        }
        subprocess.run(
            [sys.executable, "-m", "bin.commands", "migrate"], cwd=ROOT, env=env, check=True
        )
        web = ("gunicorn", "-c", "web/server/gunicorn_conf.py", "web.app:create_app()")
        started = {
            "web": stack.enter_context(_process(env, "-m", *web)),
            "worker": stack.enter_context(_process(env, "worker.py")),
            "scheduler": stack.enter_context(_process(env, "scheduler.py")),
        }
        _until_healthy(port)
        for _ in range(REQUESTS):
            _get(port, "/readyz")
        rows = []
        for kind, pid in started.items():
            children = _children(pid)
            rows.append(_row(f"{kind}, the parent" if children else kind, [pid], None))
            if kind == "worker":  # the pool begins with its relay
                rows.append(_row("relay", [children.pop(0)], None))
            if children:
                rows.append(_row(f"{kind}, each child", children, MOST.get(kind)))
        table(["", "processes", "MiB each", "most", "wanted", ""], rows)


def _row(what: str, pids: list[int], wanted: float | None) -> list[str]:
    sizes = [_pss(pid) for pid in pids]
    mean = sum(sizes) / len(sizes)
    verdict = "" if wanted is None else "reached" if max(sizes) <= wanted else "MISSED"
    limit = "" if wanted is None else f"{wanted:.0f}"
    return [what, str(len(pids)), f"{mean:.1f}", f"{max(sizes):.1f}", limit, verdict]


def _pss(pid: int) -> float:
    """Its proportional share in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise click.ClickException("This system does not tell a process's share of memory.")


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def _process(env: dict[str, str], *command: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env)  # noqa: S603
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _get(port: int, path: str) -> None:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).close()
    except urllib.error.HTTPError as refused:
        refused.close()  # an answer all the same


def _until_healthy(port: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return _get(port, "/readyz")
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
