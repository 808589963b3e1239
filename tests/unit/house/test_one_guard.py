"""Effects that cost the platform or the clinic money are behind one guard: the functions that
decide on each are read from the code, and each of them names the guard.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from effects.kind import Cost
from effects.kinds import KINDS
from tests.sources import SOURCES, nodes_in, tree_of

pytestmark = pytest.mark.xdist_group(SOURCES)

ROOT = Path(__file__).parents[3]
COSTS = {Cost.PLATFORM, Cost.SETUP, Cost.PROVIDER_FEE}
GUARD = {"require_payment_method", "may_pay"}
# for each costly kind, the functions that decide on it, i.e. that reserve the effect
DECIDES = {
    "fee_confirm": {"actions.deployment.steps.charge._plan"},
    "port_request_create": {"actions.deployment.steps.port.port_request._submit"},
    "number_purchase": {"actions.deployment.numbers.number.plan_purchase"},
}
# a purchase belongs to a line, so the code that creates the line decides on the purchase
ASKS_FOR_A_LINE = {
    "actions.deployment.steps.number._plan",
    "web.deployment.numbers.on_post",
}
# lines for the clinic's own numbers, for which nothing is bought
CLINICS_OWN = {
    "actions.deployment.steps.sip.sip_line._plan",
    "actions.deployment.steps.port.port_request._line",
}
# free for a clinic, or held back by another guard
EXEMPT = {
    "file_upload": "documents are free for the clinic and capped by account and day",
    "call": "a person is called behind the contact gate, pause and the day's limit",
    "text": "a person is texted behind the contact gate",
    "forwarding_call": "only for a number that was bought, so behind the guard; ten a day, behind"
    " pause and ceiling",
    "sip_call": "a few seconds by SIP, by a deployment that has asked for the card; behind pause"
    " and ceiling",
    "keypad_step": "in a live call with a verified person who agreed, where the account has"
    " switched it on; one session a call at a time, four mistakes each",
    "number_address": "of a number that was bought, by a deployment that has asked for the card",
}
# entry points through which staff or callers of the API ask for costly effects
DOORS = {
    "actions.deployment.deploy.deploy",
    "actions.deployment.deploy.retry",
    "web.deployment.numbers.on_post",
}


@cache
def functions() -> dict[str, ast.FunctionDef]:
    """Return every function that can decide on an effect or answer a request, as `module.name`."""
    found: dict[str, ast.FunctionDef] = {}
    for room in ("actions", "jobs", "web", "delivery", "bin"):
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in nodes_in(tree_of(path)):
                if isinstance(node, ast.FunctionDef):
                    found[f"{module}.{node.name}"] = node
    return found


def named(node: ast.AST) -> set[str]:
    """Return every name that a definition uses, attributes included."""
    names = {one.id for one in nodes_in(node) if isinstance(one, ast.Name)}
    return names | {one.attr for one in nodes_in(node) if isinstance(one, ast.Attribute)}


def calls(node: ast.AST) -> set[str]:
    """Return every function that a definition calls by its bare name."""
    made = [one.func for one in nodes_in(node) if isinstance(one, ast.Call)]
    return {func.id for func in made if isinstance(func, ast.Name)}


def reserving(constant: str) -> set[str]:
    """Return the functions that reserve an effect of this kind."""
    found = set()
    for name, node in functions().items():
        for one in nodes_in(node):
            if not isinstance(one, ast.Call):
                continue
            given = {each.id for each in one.args if isinstance(each, ast.Name)}
            if constant in given and re.search("reserve|ask$", ast.unparse(one.func)):
                found.add(name)
    return found


def test_every_costly_kind_is_listed_as_guarded_or_exempt():
    """Given a new costly kind, then this fails until it is listed here as guarded or exempt."""
    costly = {kind.name for kind in KINDS if kind.costs in COSTS}
    assert costly == set(DECIDES) | set(EXEMPT)


@pytest.mark.parametrize("kind", sorted(DECIDES))
def test_only_the_listed_functions_reserve_a_costly_kind(kind):
    assert reserving(kind.upper()) == DECIDES[kind]


def test_the_charge_asks_the_guard_in_its_deciding_transaction():
    assert named(functions()["actions.deployment.steps.charge._plan"]) & GUARD


def test_every_function_that_orders_a_number_asks_the_guard():
    """Only these functions create the line that a purchase belongs to, and each asks the guard."""
    makers = {name for name, node in functions().items() if "line_for" in calls(node)}
    assert makers == ASKS_FOR_A_LINE
    for name in makers:
        assert named(functions()[name]) & GUARD, f"{name} does not ask for a payment method"
    others = {
        name
        for name, node in functions().items()
        for one in nodes_in(node)
        if isinstance(one, ast.Attribute)
        and one.attr == "create"
        and ast.unparse(one.value).endswith("PhoneLine")
    }
    assert others - {"actions.deployment.numbers.number.line_for"} == CLINICS_OWN


@pytest.mark.parametrize("door", sorted(DOORS))
def test_every_entry_point_asks_the_guard(door):
    assert "require_payment_method" in calls(functions()[door])
