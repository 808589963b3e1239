"""Jobs are staged by name, from any floor: every name staged anywhere is the name of a job."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import jobs  # noqa: F401 - makes every job known
from delivery.registry import find_job, job_names
from runtime.settings import ROOT
from tests.sources import SOURCES, nodes_in, tree_of

pytestmark = pytest.mark.xdist_group(SOURCES)

STAGE = frozenset({"stage", "stage_again", "stage_now"})
ROOMS = ("web", "jobs", "actions", "effects", "delivery", "models", "bin", "simulation")
# files that pass on a name which their caller chose
HANDED_ON = frozenset(
    {"delivery/perform_now.py", "models/delivery/stage.py", "delivery/schedule.py"}
)


def _stagings(path: Path) -> Iterator[ast.Call]:
    for node in nodes_in(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STAGE:
            yield node


def _chosen() -> Iterator[tuple[str, ast.Call]]:
    """Yield the file and the call of each place that chooses the name of the job it stages."""
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        if str(path.relative_to(ROOT)) not in HANDED_ON:
            yield from ((path.name, call) for call in _stagings(path))


def test_every_staging_of_a_job_that_calls_out_passes_fair_to():
    """Given a job that calls a provider, then each staging of it passes `fair_to`; without that,
    one account's jobs would wait behind another's.
    """
    calling = {repr(name) for name in job_names() if find_job(name).calls_out}
    calls = [(file, call) for file, call in _chosen() if ast.unparse(call.args[0]) in calling]
    assert len(calls) > 10, "stagings are found"
    silent = {
        (file, ast.unparse(call.args[0]))
        for file, call in calls
        if "fair_to" not in {keyword.arg for keyword in call.keywords}
    }
    assert not silent


def test_every_staged_name_is_the_name_of_a_job():
    staged = {(file, ast.unparse(call.args[0])) for file, call in _chosen()}
    assert len(staged) > 10, "stagings are found"
    unknown = {
        (file, name) for file, name in staged if name not in {repr(job) for job in job_names()}
    }
    assert not unknown, f"staged under a name that no job has: {unknown}"
