"""Names that others rely on, as listed in `names.json` beside this file.

Rows, queues, dashboards, alerts, scripts and the clinics' software know these names, and old
processes share the database and Redis with new ones during a rollout. A name can be added; one that
vanishes or changes fails here. If that is intended, edit `names.json` by hand in the same commit
and say so in CHANGELOG.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from rq.job import Job
from rq.serializers import JSONSerializer

from bin.commands.program import payphone
from delivery import relay
from delivery.registry import find_job, job_names
from effects.kinds import KINDS
from jobs.timetable import TIMETABLE
from models.accounts.audit_entry import AuditEntry
from models.feed.outgoing_event import TYPES
from models.transactions import database
from rules.contact.gate import may_contact
from rules.contact.policy import RULES
from runtime.daily_ceilings import DAILY_CEILINGS
from runtime.settings import QUEUES, Settings
from tests import given
from tests.sources import SOURCES, nodes_in, tree_of
from web.http.problems import PROBLEMS
from web.openapi.openapi import openapi_document
from web.operators.gauges import gauges
from web.server.request_metrics import request_registry

NAMES = json.loads(Path(__file__).with_name("names.json").read_text("utf-8"))
RELIED_ON = {
    "jobs": "rows of staged_job, RQ and its dashboard know a job by it",
    "queues": "WORKERS, dashboards and rows of staged_job know a queue by it",
    "schedules": "old and new schedulers stage an occurrence once by it, and rq-scheduler ticks it",
    "tables": "rows are kept in it, which old processes share while a release is rolled out",
    "effects": "what was begun is found again by it instead of being done twice",
    "routes": "the clinics' software, Stripe, Twilio, payers and monitoring ask for it",
    "api": "the clinics' software sends and reads it",
    "problems": "the clinics' software decides by it",
    "gate": "contact decisions and texts are kept with it, and people look for it",
    "feed": "the clinics' software subscribes to it",
    "audit": "audit entries, which are never changed, are searched for by it",
    "metrics": "dashboards and alerts ask for it",
    "settings": "it is set in the environment of installations",
    "commands": "operators and their scripts call it",
    "redis": "old and new processes meet at it",
}
ROOT = Path(__file__).resolve().parents[2]
# Folders that production does not run.
NOT_RUN = {"tests", "sandbox", "simulation", "docs", "var", "build", "bench"}
Json = dict[str, Any]
Seen = tuple[str, ...]  # the models on the path so far, because a model can contain itself


def kept(section: str, found: Any) -> None:
    """Fail if names of this section have vanished or changed, and list them."""
    wanted = NAMES[section]
    assert wanted, f"names.json lists nothing under {section}"
    gone = sorted(leaves(wanted) - leaves(found))
    why = f"{section}: these have vanished or changed, and are relied on ({RELIED_ON[section]}):"
    assert not gone, "\n  ".join([why, *gone])


def nothing_new_is_required(section: str, found: dict[str, dict[str, list[str]]]) -> None:
    """Fail if something listed requires more than before, which existing callers do not send."""
    listed = {name: found[name] for name in NAMES[section] if name in found}
    added = leaves(listed) - leaves(NAMES[section])
    more = sorted(name for name in added if name.endswith(" required"))
    assert not more, f"{section}: callers do not send these, for they were not required: {more}"


def leaves(value: Any, path: str = "") -> set[str]:
    """Return every name with its path and its value: `{"a": {"b": 1}}` gives `a · b: 1`."""
    before = f"{path} · " if path else ""
    if isinstance(value, dict):
        below = (leaves(one, f"{before}{name}") for name, one in value.items())
        return {path}.union(*below)
    if isinstance(value, list):
        return {path, *(f"{before}{item}" for item in value)}
    return {f"{path}: {json.dumps(value)}"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"a": {"b": 1}}, {"a": {}}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}),
        ({"a": ["b", "c"]}, {"a": ["b"]}),
        ({"a": []}, {}),
        ({"a": {}}, {}),
    ],
)
def test_a_name_that_vanishes_or_changes_fails_the_check(monkeypatch, wanted, found):
    monkeypatch.setitem(NAMES, "feed", wanted)
    kept("feed", wanted | {"more": 1})
    with pytest.raises(AssertionError, match="vanished or changed, and are relied on"):
        kept("feed", found)


def test_every_section_of_names_is_checked():
    """Effect keys and Stripe tags are checked by the tests that run jobs of old databases."""
    assert set(NAMES) == {*RELIED_ON, "keep_their_names", "effect_keys", "stripe_tags"}


# Jobs, queues, schedules, effects


def jobs_found() -> Json:
    """Return the queue of each job, by its current name or a name in `names.json`."""
    found = {name: find_job(name) for name in {*NAMES["jobs"], *job_names()}}
    return {name: job.queue for name, job in found.items() if job is not None}


def test_every_published_job_name_still_finds_its_job():
    """A renamed job is also found by its old name; the jobs that the mission named are never
    renamed.
    """
    kept("jobs", jobs_found())
    assert set(NAMES["keep_their_names"]) <= set(job_names())


def test_queues_keep_their_names():
    kept("queues", list(QUEUES))


def test_schedules_keep_their_names_and_intervals():
    kept("schedules", {schedule.name: schedule.every for schedule in TIMETABLE})


def effects_found() -> Json:
    """Return each kind's provider, and which fields of the provider's object it keeps."""
    return {kind.name: {"provider": kind.provider, "remembers": list(kind.keep)} for kind in KINDS}


def test_effect_kinds_keep_their_names():
    kept("effects", effects_found())


# Tables


def tables_found() -> Json:
    """Return the tables and columns of the migrated database."""
    return {table: _columns(table) for table in database.get_tables()}


def _columns(table: str) -> dict[str, str]:
    columns = database.get_columns(table)
    return {column.name: "may be null" if column.null else "never null" for column in columns}


def test_tables_and_columns_keep_their_names(database_url):
    kept("tables", tables_found())


# The API


def routes_found(client) -> Json:
    """Return the methods that each path allows, including paths outside the OpenAPI description."""
    answers = {path: client.simulate_options(path) for path in NAMES["routes"]}
    allowed = {path: answer.headers.get("allow", "") for path, answer in answers.items()}
    return {path: sorted(methods.split(", ")) for path, methods in allowed.items()}


def test_routes_keep_their_paths_and_methods(client):
    kept("routes", routes_found(client))


def api_found(app) -> dict[str, dict[str, list[str]]]:
    """Return each operation's parameters, body, answers and problems. Model names are left out,
    because callers never see them.
    """
    document = openapi_document(app)
    models, found = document["components"]["schemas"], {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found[f"{method.upper()} {path}"] = dict(_operation(operation, models))
    return found


def _operation(operation: Json, models: Json) -> Iterator[tuple[str, list[str]]]:
    for place in ("query", "header"):
        given_there = [each for each in operation["parameters"] if each["in"] == place]
        schema = {
            "properties": {each["name"]: each["schema"] for each in given_there},
            "required": [each["name"] for each in given_there if each.get("required")],
        }
        yield place, list(_fields(schema, models))
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield "body", list(_fields(media["schema"], models))
    problems = set()
    for status, answer in operation["responses"].items():
        codes = re.findall(r"`(\w+)`", answer["description"]) if int(status) >= 400 else []
        problems |= {f"{status} {code}" for code in codes}
        if not codes:
            media = answer.get("content", {}).values()
            yield status, [line for each in media for line in _fields(each["schema"], models)]
    yield "problems", sorted(problems)


def _fields(schema: Json, models: Json, path: str = "", seen: Seen = ()) -> Iterator[str]:
    """Yield a line for each field, such as `data[].amount: integer, required`, and for each value
    of an enum.
    """
    for name, below in schema.get("properties", {}).items():
        kind, deeper = _kind(below, models)
        default = below.get("default")
        more = ["" if default is None else f"default {json.dumps(default)}"]
        more += ["required" if name in schema.get("required", ()) else ""]
        yield ", ".join(filter(None, [f"{path}{name}: {kind}", *more]))
        yield from _below(deeper, models, f"{path}{name}", seen)
    if "properties" not in schema:
        yield from _below(schema.get("anyOf") or [schema], models, path, seen)


def _below(schemas: list[Json], models: Json, path: str, seen: Seen) -> Iterator[str]:
    for schema in schemas:
        yield from (f"{path} may be {json.dumps(word)}" for word in schema.get("enum", ()))
        if "const" in schema:
            yield f"{path} may be {json.dumps(schema['const'])}"
        name = schema.get("$ref", "").rpartition("/")[2]
        if name and name not in seen:
            yield from _fields(models[name], models, f"{path}." if path else "", (*seen, name))
        elif "items" in schema:
            yield from _below([schema["items"]], models, f"{path}[]", seen)
        elif "properties" in schema:
            yield from _fields(schema, models, f"{path}.", seen)
        elif isinstance(schema.get("additionalProperties"), dict):
            _, deeper = _kind(schema["additionalProperties"], models)
            yield from _below(deeper, models, f"{path}.*", seen)


def _kind(schema: Json, models: Json) -> tuple[str, list[Json]]:
    """Return a field's type in words, and the schemas that describe what is below it."""
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or [schema]
    words = []
    for choice in choices:
        target = models[choice["$ref"].rpartition("/")[2]] if "$ref" in choice else choice
        words.append(" ".join(filter(None, [target.get("type", "anything"), target.get("format")])))
    return " or ".join(sorted(set(words))), choices


def test_request_and_answer_fields_keep_their_names(client):
    """The one change allowed is an id renamed to `…Id`, in `names.json` as well."""
    found = api_found(client.app)
    kept("api", found)
    for place in ("query", "header", "body"):
        asked = {name: {place: operation.get(place, [])} for name, operation in found.items()}
        nothing_new_is_required("api", asked)


def test_problem_codes_keep_their_names_and_statuses():
    kept("problems", {code: status for code, (status, _title) in PROBLEMS.items()})


def test_feed_event_types_keep_their_names():
    kept("feed", list(TYPES))


# Names that are only in the source: audit actions, the gate's codes, Redis keys


@cache
def sources() -> list[ast.Module]:
    """Return the syntax tree of every module that production runs."""
    run = [
        place
        for place in sorted(ROOT.iterdir())
        if place.name not in NOT_RUN and not place.name.startswith(".")
    ]
    paths = [path for place in run for path in sorted(place.rglob("*.py"))]
    paths += [place for place in run if place.suffix == ".py"]
    return [tree_of(path) for path in paths]


@cache
def _calls(tree: ast.AST) -> list[tuple[ast.Call, ast.AST]]:
    """Return each call with the innermost function around it."""
    found, left = [], [(tree, tree)]
    while left:
        node, around = left.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                found.append((child, around))
            left.append((child, child if isinstance(child, ast.FunctionDef) else around))
    return found


def _is_of(call: ast.Call, called: str) -> bool:
    """Whether the call is to `called`. The last name is compared first, because unparsing every
    call would take longer than all the rest.
    """
    last = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return last == called.rpartition(".")[2] and ast.unparse(call.func) == called


def _arguments(place: int, called: str, trees: Iterable[ast.Module]) -> set[str]:
    """Return the argument at `place` of each call to `called`, as far as the source shows it."""
    calls = [pair for tree in trees for pair in _calls(tree) if _is_of(pair[0], called)]
    given_there = [(call.args[place], around) for call, around in calls if len(call.args) > place]
    return {text for node, around in given_there for text in _texts(node, around)}


def _texts(node: ast.AST, around: ast.AST) -> set[str]:
    """Return the texts that an expression can have, with `{}` for parts known only at run time."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return _texts(body, around) | _texts(other, around)
        case ast.JoinedStr(values=parts):
            made = {""}
            for part in parts:
                made = {f"{head}{tail}" for head in made for tail in _texts(part, around)}
            return made
        case ast.FormattedValue(value=value):
            return _texts(value, around)
        case ast.Name(id=name):
            return _assigned(name, around) or {"{}"}
        case _:
            return {"{}"}


def _assigned(name: str, around: ast.AST) -> set[str]:
    """Return the texts assigned to a name in a function; for a choice between tuples, every text in
    them.
    """
    found: set[str] = set()
    for node in ast.walk(around):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if target is not None and name in re.findall(r"\w+", ast.unparse(target)):
            parts = [node.value] if isinstance(target, ast.Name) else _tuples(node.value)
            found |= {text for part in parts for text in _texts(part, around)}
    return found - ({"{}"} if len(found) > 1 else set())


def _tuples(node: ast.AST) -> list[ast.AST]:
    """Return the members of a tuple, or of both tuples of a conditional expression."""
    if isinstance(node, ast.IfExp):
        return _tuples(node.body) + _tuples(node.orelse)
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def audit_found() -> list[str]:
    """Return the second argument of each `AuditEntry.record(…)`, and the arguments of functions in
    the same module that pass it on.
    """
    recorder = f"{AuditEntry.__name__}.{AuditEntry.record.__name__}"
    found: set[str] = set()
    for tree in sources():
        found |= _arguments(1, recorder, [tree])
        for call, around in _calls(tree):
            if len(call.args) > 1 and _is_of(call, recorder):
                names = [each.arg for each in around.args.args] if hasattr(around, "args") else []
                action = ast.unparse(call.args[1])
                if action in names:
                    found |= _arguments(names.index(action), around.name, [tree])
    return sorted(found)


@pytest.mark.xdist_group(SOURCES)
def test_audit_actions_keep_their_names():
    kept("audit", audit_found())


def gate_found() -> list[str]:
    """Return the first argument of each `Refused(…)` in the gate's own module, and the codes of the
    rules that it reads from the policy.
    """
    tree = tree_of(Path(may_contact.__code__.co_filename))
    codes = _arguments(0, "Refused", [tree]) | {rule.code for rule in RULES}
    return sorted(code for code in codes if code.isidentifier())


def test_contact_gate_codes_keep_their_names():
    kept("gate", gate_found())


def redis_found(redis) -> Json:
    """Return our own keys as written in the source, and how a pushed job looks to RQ."""
    nodes = (node for tree in sources() for node in nodes_in(tree))
    written = (node for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr))
    texts = {text for node in written for text in _texts(node, node)}
    number = given.a_job("process_stripe_event", 1)
    relay.tick(redis)
    keys = {key.decode().replace(str(number), "{}") for key in redis.keys("rq:*")}
    pushed = redis.lindex("rq:queue:webhooks", 0).decode().replace(str(number), "{}")
    job_id = f"process_stripe_event-{number}"
    called = Job.fetch(job_id, connection=redis, serializer=JSONSerializer).func_name
    ours = {text for text in texts if text.startswith("payphone:")}
    return {"keys": sorted(ours | keys), "pushed": pushed, "called": called}


@pytest.mark.xdist_group(SOURCES)
def test_redis_keys_keep_their_names(database_url, valkey):
    kept("redis", redis_found(valkey.client()))


# What operators see and set: metrics, settings, commands


def metrics_found(client) -> Json:
    """Return the type and labels of each metric, as a scrape shows them."""
    client.simulate_get("/healthz")
    found = {}
    for metric in [*gauges().collect(), *request_registry().collect()]:
        used = {name for sample in metric.samples for name in sample.labels} - {"le"}
        labels = ", ".join(sorted(used | set(getattr(metric, "_labelnames", ()))))
        found[metric.name] = f"{metric.type} of {labels or 'the installation'}"
    return found


def test_metrics_keep_their_names_and_labels(client):
    given.an_account()  # the age of the books is exported only if there are accounts
    kept("metrics", metrics_found(client))


def settings_found() -> Json:
    """Return each setting's default, and the default daily ceilings."""
    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    return defaults | {"DAILY_CEILINGS, unless set": DAILY_CEILINGS}


def test_settings_keep_their_names_and_defaults():
    kept("settings", settings_found())


def commands_found(command: click.Command = payphone, name: str = "payphone") -> Json:
    """Return each command with its parameters."""
    found = {name: {"takes": sorted(_parameter(each) for each in command.params)}}
    if isinstance(command, click.Group):
        for below, one in command.commands.items():
            found |= commands_found(one, f"{name} {below}")
    return found


def _parameter(each: click.Parameter) -> str:
    names, kind = f"<{each.name}>", each.type.name
    if isinstance(each, click.Option):
        names = "/".join([*each.opts, *each.secondary_opts])
        kind = "flag" if each.is_flag else kind
    if isinstance(each.type, click.Choice):
        kind = f"{kind} {'|'.join(map(str, each.type.choices))}"
    several = each.nargs == -1 or getattr(each, "multiple", False)
    more = ["several" if several else "", "required" if each.required else ""]
    return ", ".join(filter(None, [f"{names}: {kind}", *more]))


def test_commands_keep_their_names_and_options():
    kept("commands", commands_found())
    nothing_new_is_required("commands", commands_found())
