"""Every fixed statement in the code is prepared against the migrated schema, on both databases, so
that a renamed column, or SQL that only one of them knows, is found here and not in production.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import CompositeKey

from models import fixed_sql
from models.base import Row
from models.transactions import execute
from tests.sources import SOURCES, nodes_in, tree_of
from tests.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("models", "actions", "effects", "delivery", "jobs", "web", "bin")
BY_NAME: dict[str, type[Row]] = {table.__name__: table for table in TABLES}
READS = {"one": 0, "all": 0, "has": 0, "one_with": 1, "all_with": 1}


def calls(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Yield every call, with the class it is in."""
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.ClassDef) else owner
        if isinstance(node, ast.Call):
            yield inside, node
        yield from calls(node, inside)


def named_texts(tree: ast.AST) -> dict[str, str]:
    """Return the string constants of a module by name."""
    return {
        target.id: text_of(node.value)
        for node in nodes_in(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def text_of(node: ast.expr) -> str:
    """Return a string constant's text, or ""."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def statement(owner: str, call: ast.Call, texts: dict[str, str]) -> str:
    """Return the SQL of a call that sends fixed SQL, or "" for any other call."""
    if getattr(call.func, "id", "") == "execute" and call.args:
        return text_of(call.args[0]) or texts.get(getattr(call.args[0], "id", ""), "")
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in READS:
        return ""
    name = getattr(call.func.value, "id", "")
    table = BY_NAME.get(owner if name == "cls" else name)
    place = READS[call.func.attr]
    if table is None or len(call.args) <= place:
        return ""
    where = text_of(call.args[place])
    if not where:
        return ""
    if place:
        return fixed_sql.select_with(table, text_of(call.args[0]), where)
    return fixed_sql.select(table, where)


def statements() -> list[tuple[str, str]]:
    found = []
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        if "migrations" in path.parts:
            continue
        tree = tree_of(path)
        texts = named_texts(tree)
        for owner, call in calls(tree):
            sql = statement(owner, call, texts)
            if sql and sql.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
                found.append((f"{path.relative_to(ROOT)}:{call.lineno}", sql))
    return found


@pytest.mark.xdist_group(SOURCES)
def test_every_fixed_statement_fits_the_schema(database_url):
    found = statements()
    assert len(found) > 20, "the statements are found"
    for place, sql in found:
        try:
            execute(f"EXPLAIN {sql}", (None,) * sql.count("?"))
        except Exception as error:
            pytest.fail(f"{place}: {error}\n{sql}")


def test_a_statement_that_does_not_fit_is_noticed(database_url):
    with pytest.raises(Exception, match="no_such_column"):
        execute("EXPLAIN SELECT no_such_column FROM invoice")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_table_can_be_read_inserted_and_updated_by_fixed_sql(database_url, table):
    """Given any table, then the statements built for it fit the schema."""
    names = tuple(field.name for field in table._meta.sorted_fields)
    in_json = "?" if "postgres" in database_url else "json(?)"
    sent = [fixed_sql.insert(table, names, in_json).sql]
    if isinstance(table._meta.primary_key, CompositeKey):  # no single value identifies a row of it
        sent.append(fixed_sql.select(table, "1 = 1"))
    else:
        rest = tuple(name for name in names if name != table._meta.primary_key.name)
        sent.append(fixed_sql.select(table, fixed_sql.by_key(table)))
        sent += [fixed_sql.update(table, rest, "", in_json).sql] if rest else []
    for sql in sent:
        execute(f"EXPLAIN {sql}", (None,) * sql.count("?"))
