"""Each job declares whether it calls a provider, and here its code is followed to check that: from
the job's function through every name of ours that it reaches. Methods of rows are not followed,
because `models` cannot import a provider.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

import jobs  # noqa: F401 - makes every job known
from delivery.registry import find_job, job_names
from effects.kind import Kind
from tests.sources import SOURCES, nodes_in, tree_of

pytestmark = pytest.mark.xdist_group(SOURCES)

ROOT = Path(__file__).parents[3]
ROOMS = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
# every request to another host begins in one of these
WAYS_OUT = {
    ("providers.stripe.client", "client"),
    ("providers.stripe.stripe_js", "stripe_js"),
    ("providers.twilio.client", "client"),
    ("providers.twilio.porting", "upload_document"),
    ("providers.twilio.porting", "_request"),
    ("providers.vapi.client", "client"),
    ("providers.plain_http", "open_client"),
    ("providers.oauth.authorization", "_client"),
    ("providers.outgoing_webhooks", "post_webhook"),
}
# The table of effects is also read for other reasons, so it is not followed. Code that performs
# an effect, or looks it up, calls one of these methods of its kind.
TABLE = ("effects.kinds", "KINDS")
ASKED_OF_A_KIND = {"send", "find", "find_asked", "read"}
SIGNATURES = {"providers.stripe.signature", "providers.twilio.signature"}
TALKING = {"stripe", "twilio", "authlib", "httpx", "requests", "urllib3", "http", "socket", "ssl"}
Name = tuple[str, str]  # module, name in it


@cache
def definitions(module: str) -> dict[str, ast.AST]:
    """Return what a module defines at its top level, by name."""
    found: dict[str, ast.AST] = {}
    for node in parsed(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name for target in targets for name in nodes_in(target)]
            found |= {name.id: node.value for name in names if isinstance(name, ast.Name)}
    return found


@cache
def imported(module: str) -> dict[str, Name]:
    """Return what a module imports of ours, by its local name; for a module, the second part is
    empty.
    """
    found: dict[str, Name] = {}
    for node in nodes_in(parsed(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOMS:
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                name = (inner, "") if is_module(inner) else (str(node.module), one.name)
                found[one.asname or one.name] = name
    return found


def parsed(module: str) -> ast.Module:
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return tree_of(file)


def is_module(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


@cache
def named_in(module: str, node: ast.AST) -> set[Name]:
    """Return the names of ours that a definition uses: of its own module, imported ones, and
    attributes of imported modules.
    """
    found: set[Name] = set()
    for one in nodes_in(node):
        if isinstance(one, ast.Name):
            if one.id in definitions(module):
                found.add((module, one.id))
            elif one.id in imported(module):
                found.add(imported(module)[one.id])
        elif isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            behind, inner = imported(module).get(one.value.id, ("", "x"))
            if not inner:
                found.add((behind, one.attr))
    return {name for name in found if name[1]}


def reached_from(start: Name) -> set[Name]:
    """Return every name of ours that can be reached from `start`."""
    reached: set[Name] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            node = definitions(name[0]).get(name[1])
            ahead += named_in(name[0], node) if node is not None and name != TABLE else []
    return reached


def calls_out(start: Name) -> bool:
    reached = reached_from(start)
    return bool(reached & WAYS_OUT) or any(map(asks_a_kind, reached))


def asks_a_kind(name: Name) -> bool:
    """Whether this function in effects/ performs or looks up an effect, of whatever kind."""
    node = definitions(name[0]).get(name[1]) if name[0].startswith("effects.") else None
    return node is not None and any(
        isinstance(one, ast.Attribute) and one.attr in ASKED_OF_A_KIND for one in nodes_in(node)
    )


@pytest.mark.parametrize("name", job_names())
def test_each_job_declares_correctly_whether_it_calls_a_provider(name):
    """Given a job, when its code is followed, then it reaches a provider exactly if the job
    declares it.
    """
    known = find_job(name)
    assert calls_out((known.perform.__module__, known.perform.__name__)) == known.calls_out


def test_the_list_of_outgoing_functions_is_complete_and_current():
    """Given the providers' modules, then each that imports an SDK or a socket has a known way out,
    except those that only verify signatures.
    """
    for module, name in (*WAYS_OUT, TABLE):
        assert name in definitions(module)
    assert set(Kind.__dataclass_fields__) >= ASKED_OF_A_KIND
    assert asks_a_kind(("effects.perform", "perform"))
    known = {module for module, _ in WAYS_OUT} | SIGNATURES
    for path in (ROOT / "providers").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert not imports_of(path) & TALKING or module in known, f"{module}: how does it go out?"


def imports_of(path: Path) -> set[str]:
    """Return the top-level names of a file's imports."""
    found: set[str] = set()
    for node in nodes_in(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
    return found
