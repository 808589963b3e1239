"""What is wrong with the settings is said once, at the start, in one sentence; the process ends
with 1.
"""

import os
import subprocess
import sys

import pytest

from runtime.settings import ROOT

pytestmark = pytest.mark.slow  # starts processes

COMMANDS = {
    "worker": ("worker.py",),
    "scheduler": ("scheduler.py",),
    "command": ("-m", "bin.commands", "jobs", "list"),
    "web": ("-m", "gunicorn", "-c", "web/server/gunicorn_conf.py", "web.app:create_app()"),
}


@pytest.mark.parametrize("process", ["worker", "scheduler", "web"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"LOG_FORMAT": "xml"}, "Invalid settings: LOG_FORMAT"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL cannot be read"),
        ({"REDIS_URL": "redis+sentinel://one"}, "REDIS_URL cannot be read"),
        ({"DATABASE_URL": "mysql://db/payphone"}, "DATABASE_URL starts with 'mysql'"),
    ],
)
def test_a_process_does_not_start(tmp_path, process, wrong, said):
    ended(tmp_path, process, wrong, said)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"RATE_PER_KEY": "often"}, "'often' is not a rate"),
        ({"TRUSTED_PROXIES": "proxy"}, "TRUSTED_PROXIES"),
    ],
)
def test_web_does_not_start(tmp_path, wrong, said):
    ended(tmp_path, "web", wrong, said)


def test_a_command_does_not_start(tmp_path):
    ended(tmp_path, "command", {"LOG_FORMAT": "xml"}, "Invalid settings: LOG_FORMAT")


@pytest.mark.parametrize("workers", ["webhooks", "webhooks=many", "webhook=1"])
def test_the_pool_does_not_start(tmp_path, workers):
    ended(tmp_path, "worker", {"WORKERS": workers}, "WORKERS")


def ended(tmp_path, process, wrong, said):
    env = (
        os.environ
        | {
            "DATABASE_URL": f"sqlite:///{tmp_path}/none.db",
            "PAYPHONE_STATE_DIR": str(tmp_path),
            "PORT": "0",
        }
        | wrong
    )
    done = subprocess.run(
        [sys.executable, *COMMANDS[process]],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
