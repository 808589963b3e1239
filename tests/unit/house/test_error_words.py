"""Every error names the thing, what was wrong, what is accepted and what to do next.

A test cannot judge prose, but it can check that each code has its next step, that sentences are
whole, and that no message is only the name of an error.
"""

import ast
import re
from pathlib import Path

import pytest

from rules.contact import gate as contact
from rules.contact.delivery_failures import ADVICE
from rules.contact.facts import Refused
from rules.contact.gate import may_contact
from rules.problem_advice import NEXT
from tests.sources import SOURCES, nodes_in, tree_of
from tests.unit.contact.test_contact_gate import FINE, NOON, TROUBLES, changed
from web.http.problems import PROBLEMS, Problem, document_of

pytestmark = pytest.mark.xdist_group(SOURCES)

ROOT = Path(__file__).parents[3]
# First words of an instruction. Add another one here after reading its message.
TODO = (
    "Add|Answer|Another text may be requested|Ask|Call|Check|Choose|Compare|Copy|Correct|Create|Do"
    "|Each|Lift|Only they can|Open|Read|Record|Refund|Remove|Repeat|See|Send|Use|Void|Wait"
)
TELLS_WHAT_TO_DO = re.compile(rf"(?:^|[.,;:] |or |and )(?:{TODO})\b", re.IGNORECASE)
VAGUE = re.compile(
    r"^(?:invalid|bad|wrong|error|failed|not allowed|refused)\b[^,;:]{0,20}\.?$", re.I
)


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_says_what_is_accepted_and_what_to_do(code):
    """Given each code, then its next step says what is accepted and what to do, and the answer
    shows it.
    """
    said = NEXT[code]
    assert re.search(r"\baccept(?:s|ed)\b", said), said
    assert TELLS_WHAT_TO_DO.search(said), said
    assert said.endswith(".")
    assert len(said.split(". ")) >= 2, said
    shown = document_of(Problem(code))
    assert shown["next"] == said
    assert shown["detail"] == f"{PROBLEMS[code][1]}."


def test_next_steps_exist_for_exactly_the_known_problem_codes():
    assert set(NEXT) == set(PROBLEMS)


def raised_problems() -> list[tuple[str, str]]:
    """Return the place and text of each Problem with its own text; `{}` stands for a value."""
    found = []
    for path in sorted((ROOT / "web").rglob("*.py")):
        for node in nodes_in(tree_of(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                said = [words(arg) for arg in node.args[1:2]]
                found += [(f"{path.name}:{node.lineno}", each) for each in said if each]
    return found


def words(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            words(part) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return ""


def test_every_raised_problem_says_what_was_wrong_in_a_sentence():
    problems = raised_problems()
    assert len(problems) > 60
    for place, said in problems:
        if not said.strip("{}. "):
            continue  # another error's text
        assert said.endswith((".", "{}")), (place, said)
        assert re.match(r"[A-Z{]|[a-z]\w* (?:is\b|has\b|\{\})", said), (place, said)
        assert len(said.replace("{}", "it").split()) >= 3, (place, said)
        assert not VAGUE.match(said), (place, said)


def field_messages() -> list[tuple[str, str]]:
    """Return the place and text of each message about a single field."""
    found = []
    files = [path for room in ("web", "actions") for path in sorted((ROOT / room).rglob("*.py"))]
    for path in files:
        for node in nodes_in(tree_of(path)):
            if isinstance(node, ast.Dict):
                names = [getattr(key, "value", "") for key in node.keys]
                if set(names) == {"field", "message"}:
                    said = words(node.values[names.index("message")])
                    found += [(f"{path.name}:{node.lineno}", said)] if said.strip("{}") else []
    return found


def test_every_field_error_says_what_was_wrong_and_what_is_accepted():
    messages = field_messages()
    assert len(messages) > 10
    for place, said in messages:
        assert re.match(r"(?:is|has|contains|ends|would exceed|\{\}) ?", said), (place, said)
        assert re.search(r"; .*(?:accepted|limit|ends it)|\{\}|limit$", said), (place, said)


@pytest.mark.parametrize(("trouble", "code"), TROUBLES)
def test_every_refusal_of_the_gate_says_why_and_what_to_do(trouble, code):
    answer = may_contact(changed(FINE, trouble), NOON)
    assert isinstance(answer, Refused)
    assert answer.reason.endswith(".")
    assert len(answer.reason.split()) >= 6, answer.reason
    if code != "invoice_paid":  # there is nothing to do
        assert TELLS_WHAT_TO_DO.search(answer.reason), answer.reason


def test_every_code_of_the_gate_is_tested():
    listed = re.findall(r"^\| `(\w+)`", contact.__doc__ or "", re.M)
    assert listed == [code for _, code in TROUBLES]


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_every_text_failure_code_says_what_to_do(code):
    said = ADVICE[code].text
    assert said.endswith(".")
    assert TELLS_WHAT_TO_DO.search(said) or "must check" in said, said


IMPORT_ROOMS = ("rules/imports", "bin/commands/invoices", "actions/invoices")
IMPORT_TODO = re.compile(
    rf"[;.:,] (?:or )?(?:{TODO}|export|format|give|leave|name|put|quote|round|say|shorten|split"
    "|write|else give)\\b",
    re.IGNORECASE,
)


def import_errors() -> list[tuple[str, str]]:
    """Return the place and text of each error about a cell or row that cannot be imported; both
    texts of a conditional one.
    """
    found = []
    for room in IMPORT_ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = tree_of(path)
            named = {
                target.id: node.value
                for node in nodes_in(tree)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in nodes_in(tree):
                if not isinstance(node, ast.Call):
                    continue
                place = {"BadCell": 0, "RowError": 2}.get(getattr(node.func, "id", ""))
                if place is None:
                    continue
                said = node.args[place]
                if isinstance(said, ast.Name):
                    said = named[said.id]
                found += [(f"{path.name}:{node.lineno}", each) for each in ways(said)]
    return found


def ways(node: ast.expr) -> list[str]:
    """Return the texts that an expression can have, or none if it is another error's text."""
    if isinstance(node, ast.IfExp):
        return ways(node.body) + ways(node.orelse)
    if isinstance(node, ast.BinOp):
        return [a + b for a in ways(node.left) for b in ways(node.right)]
    if isinstance(node, ast.Call):
        return []
    return [words(node)] if words(node).strip("{}") else []


def test_every_import_error_says_what_was_wrong_and_what_to_do():
    """The line and the column are shown before the message."""
    errors = import_errors()
    assert len(errors) > 30
    for place, said in errors:
        assert re.match(
            r"(?:\{\}|an(?:other)? \w+) .*?\b(?:is|has|cannot|can)\b|(?:is|has|contains|differs)\b"
            r"|invoice \{\} is|\{\}; |\{\} \{\}, or use --region|another row",
            said,
        ), (place, said)
        assert IMPORT_TODO.search(said) or said.endswith(("{}", "or use --region")), (place, said)
