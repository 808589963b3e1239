"""Jobs are staged by name, from any floor: each name that is staged anywhere is a job's."""

import ast
from collections.abc import Iterator
from pathlib import Path

import jobs  # noqa: F401 - makes every job known
from delivery.registry import job_names
from runtime.settings import ROOT

STAGE = frozenset({"stage", "stage_again", "stage_now"})
ROOMS = ("web", "jobs", "actions", "effects", "delivery", "models", "bin", "simulation")
# where the name is handed on, not chosen
HANDED_ON = frozenset({"delivery/perform_now.py", "models/delivery/stage.py", "delivery/tick.py"})


def _stagings(path: Path) -> Iterator[ast.expr]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STAGE:
            yield node.args[0]


def test_every_name_that_is_staged_is_the_name_of_a_job():
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    chosen = [path for path in files if str(path.relative_to(ROOT)) not in HANDED_ON]
    staged = {(path.name, ast.unparse(name)) for path in chosen for name in _stagings(path)}
    assert len(staged) > 10, "stagings are found"
    unknown = {
        (file, name) for file, name in staged if name not in {repr(job) for job in job_names()}
    }
    assert not unknown, f"staged under a name that no job has: {unknown}"
