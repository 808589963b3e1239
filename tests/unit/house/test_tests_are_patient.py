"""Tests wait for events, and not for a time that a busy machine can exceed."""

import ast
from collections.abc import Iterator

import hypothesis
import pytest

from delivery import nudge
from models.delivery.stage import stage
from models.transactions import transaction
from runtime.settings import ROOT

LONG = 60  # seconds that no machine is too busy for
WAITS = {"wait", "join", "settimeout"}
# of httpx, which times out after five seconds unless it gets a timeout or its own transport
ASKS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "stream", "Client"}
TOLD = {"timeout", "transport", None}  # None: keywords passed with `**`
FILES = sorted(
    path
    for path in (ROOT / "tests").rglob("*.py")
    if not {"storm", "data"} & set(path.relative_to(ROOT / "tests").parts)
)
# intended: timeouts that must expire, and the pace of something continuous
MEANT = {
    "jobs_for_tests.py": "a job's own time",
    "test_a_renamed_job.py": "a job's own time",
    "test_staged_jobs.py": "a job's own time; and a worker that can only wait",
    "test_effect_answers.py": "a job's own time",
    "test_patience.py": "a job's own time",
    "test_sandbox_faults.py": "a client that gives up",
    "test_sandbox_twilio.py": "a client that gives up",
    "test_sandbox_process.py": "a client that gives up",
    "test_redis_in_trouble.py": "the pace of events, and of tries",
    "test_stalled_connections.py": "the pace of bytes",
    "test_patient_connections.py": "the pace of bytes",
    "test_operators_tools.py": "the pace of workers",
    "website.py": "one try of several",
    "test_procfile.py": "one try of several",
}


def short_waits(text: str) -> Iterator[int]:
    """Yield the lines whose wait is so short that a busy machine can exceed it."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        if is_of_httpx(node) and TOLD.isdisjoint(word.arg for word in node.keywords):
            yield node.lineno
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        said = ("timeout", "seconds") if name == "wait_for" else ("timeout",)
        given = [word.value for word in node.keywords if str(word.arg).endswith(said)]
        given += node.args[:1] if name in WAITS else []
        given += node.args[2:3] if name == "wait_for" else []
        yield from (
            value.lineno
            for value in given
            if isinstance(value, ast.Constant)
            and isinstance(value.value, int | float)
            and value.value < LONG
        )


def is_of_httpx(call: ast.Call) -> bool:
    """Whether the call sends a request with httpx, or creates a client."""
    func = call.func
    return isinstance(func, ast.Attribute) and (
        ast.unparse(func.value) == "httpx" and func.attr in ASKS
    )


@pytest.mark.parametrize(
    "line",
    [
        "process.wait(10)",
        "thread.join(0.5)",
        "httpx.get(url, timeout=5)",
        "httpx.get(url)",
        "httpx.Client(base_url=url)",
        "Redis(socket_timeout=5)",
        "wait_for(probe, 'it comes', 6)",
        "wait_for(probe, 'it comes', seconds=6)",
        "sock.settimeout(1)",
    ],
)
def test_a_short_wait_is_found(line):
    assert list(short_waits(line)) == [1]


def test_no_test_has_a_wait_that_is_too_short_for_a_busy_machine():
    """A wait of a few seconds makes a test fail on a busy machine. Wait for the event itself, with
    `tests.running.servers.wait_for`, or for a minute or two.
    """
    found = {path: list(short_waits(path.read_text())) for path in FILES}
    short = {path.name: lines for path, lines in found.items() if lines}
    assert short.keys() == MEANT.keys(), short


def test_property_tests_have_no_deadline():
    """Given a busy machine, then an example that takes long is not a failure."""
    used = hypothesis.settings.get_current_profile_name()
    profile = hypothesis.settings.get_profile(used)
    assert profile.deadline is None
    assert hypothesis.HealthCheck.too_slow in profile.suppress_health_check


def test_staging_waits_for_a_redis_that_pauses_briefly(client, valkey):
    """Given a Valkey that pauses for a second, when a job is staged, then it is pushed at once all
    the same; tests of other subjects rely on that.
    """
    valkey.client().client_pause(1_000)
    with transaction():
        assert stage("process_stripe_event", "a", 1)
    assert valkey.client().llen("rq:queue:webhooks") == 1
    assert nudge.is_open()
