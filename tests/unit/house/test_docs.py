"""The documents agree with the code: the files they name exist, links resolve, and tables and state
diagrams match.
"""

import ast
import inspect
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from bin.commands.program import payphone
from docs import generate
from models.delivery.staged_job import StagedJob
from models.effects.effect import Effect
from models.invoices.invoice import Invoice
from rules import invoice_fold
from rules.calling import call_states
from rules.contact import gate as contact
from rules.contact import text_status
from runtime.settings import ROOT, Settings
from tests.sources import SOURCES, nodes_in, tree_of

pytestmark = pytest.mark.xdist_group(SOURCES)

DOCS = ROOT / "docs"
DEVELOPMENT = DOCS / "development.md"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
LIVING = [page for page in PAGES if page.parent.name != "decisions"]  # decisions record a past
ROOMS = (
    "web|jobs|actions|effects|delivery|providers|models|rules|runtime|sandbox|simulation|bin|docs"
)
NAMED = re.compile(
    rf"`((?:{ROOMS}|tests)/[\w/.]+|(?:acceptance|integration|unit|contract|"
    r"browser|faults|storm)/test_\w+\.py)`"
)
CODE = re.compile(r"`([^`\n]+)`|^    (bin/.+|sudo .+)$", re.M)
LARGEST_PICTURE = 150_000  # bytes


def name(page):
    return str(page.relative_to(ROOT))


def section(title, page=DEVELOPMENT):
    text = page.read_text()
    begin = text.index(f"\n{title}\n")
    level = title.split(" ")[0]
    end = re.search(rf"\n#{{1,{len(level)}}} ", text[begin + len(title) + 1 :])
    return text[begin : begin + len(title) + 1 + end.start() if end else None]


def changes():
    """Return the rows of "To change X, open Y": subject, file, and the name to look for there."""
    rows = re.findall(
        r"^\| (.+?) \| `(.+?)` \| `(.+?)` \|$", section("## To change X, open Y"), re.M
    )
    return [pytest.param(path, word, id=what) for what, path, word in rows]


def test_at_least_25_changes_are_documented():
    assert len(changes()) >= 25


@pytest.mark.parametrize(("path", "word"), changes())
def test_each_documented_change_names_a_definition_in_its_file(path, word):
    """Given a row of the table, then a line of its file defines the name or begins with it."""
    text = (ROOT / path).read_text()
    assert re.search(rf"^ *(?:def |class )?{re.escape(word)}\b", text, re.M)


@pytest.mark.parametrize("page", LIVING, ids=name)
def test_every_file_named_on_a_page_exists(page):
    missing = [
        path
        for path in NAMED.findall(page.read_text())
        if not (ROOT / path).exists() and not (ROOT / "tests" / path).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_block_of_table_rows_has_a_header(page):
    """Given table rows, then a header and a line of dashes are directly above them; after an empty
    line they would be rendered as text.
    """
    blocks = re.findall(r"(?:^\|.*\n)+", page.read_text(), re.M)
    assert [block for block in blocks if not re.match(r"\|.*\n\|[-|: ]+\n", block)] == []


def test_every_finding_of_doctor_is_documented():
    """Given each finding of doctor, apart from settings by their names, then the operators' first
    page names it.
    """
    files = [ROOT / "bin/commands/doctor.py", *(ROOT / "bin/commands/checks").glob("*.py")]
    names = {
        node.args[1].value
        for file in files
        for node in nodes_in(tree_of(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Finding", "judged"}
        if len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
    }
    assert "sealed secrets" in names
    told = section("## What `doctor` names", DOCS / "operations" / "README.md")
    assert {name for name in names if not name.isupper() and f"*{name}*" not in told} == set()


def commands(text):
    """Yield the commands that a page tells its reader to type: `bin/payphone …`, in code or in a
    block, or without that word, such as `jobs list --state dead`, if they have more than one word.
    """
    for told in CODE.finditer(text):
        line = re.split(r"\s+#", told[1] or told[2])[0].strip().rstrip("\\")
        line, is_named = re.subn(r"^(?:sudo -u \S+ )?bin/payphone\b", "", line)
        words = shlex.split(re.sub(r"<[^>]*>|…", "x", line).replace("'", ""))
        if is_named or (len(words) > 1 and words[0] in payphone.commands):
            yield words


def fault_of(words):
    """Return what is wrong with the words after `bin/payphone` (an unknown command, option or
    choice), or an empty text. Arguments can be left out.
    """
    command, words = payphone, words[words[:1] == ["--demo"] :]
    words = [] if words == ["x"] else words
    while isinstance(command, click.Group) and words:
        word = words.pop(0).split("|")[0]
        if word not in command.commands:
            return f"{command.name}: no such command as {word}"
        command = command.commands[word]
    return "" if isinstance(command, click.Group) else wrong_words(command, words)


def wrong_words(command, words):
    context = click.Context(command)
    try:
        given, _, _ = command.make_parser(context).parse_args(words)
        for taken in command.params:
            value = given.get(taken.name)
            is_said = isinstance(value, str) and not value.isupper()  # capitals: any value
            if is_said and isinstance(taken.type, click.Choice):
                taken.type.convert(value, taken, context)
    except click.BadOptionUsage:
        pass  # the option alone, without its value
    except click.UsageError as error:
        return f"{command.name}: {error.format_message()}"
    return ""


@pytest.mark.parametrize("page", LIVING, ids=name)
def test_every_command_on_a_page_is_valid(page):
    faults = [fault_of(words) for words in commands(page.read_text())]
    assert [fault for fault in faults if fault] == []


def test_many_commands_are_found_and_a_wrong_one_is_detected():
    text = "".join(page.read_text() for page in LIVING)
    assert len(list(commands(text))) > 80
    wrong = (
        "`jobs lost --all` `jobs list --colour red` `jobs list --state ended`\n    bin/payphone no"
    )
    assert len([words for words in commands(wrong) if fault_of(words)]) == 4


def test_advice_in_the_code_names_commands_that_exist():
    """Given the program's messages, then the commands in them exist."""
    rooms = ("bin", "runtime", "models", "delivery", "effects", "actions", "jobs", "web")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    told = [
        words.split()
        for file in files
        for node in nodes_in(tree_of(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for words in re.findall(r"bin/payphone((?: [a-z][\w-]*| --[\w-]+| [A-Z]+)+)", node.value)
    ]
    assert len(told) > 20
    assert {fault for fault in map(fault_of, told) if fault} == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_resolves(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"\w+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def test_advice_in_the_code_names_pages_that_exist():
    """Given the program's messages, then each `docs/….md` in them exists."""
    files = [*(ROOT / "bin").rglob("*.py"), *(ROOT / "runtime").rglob("*.py")]
    named = {page for file in files for page in re.findall(r"docs/[\w/]+\.md", file.read_text())}
    assert named
    assert {page for page in named if not (ROOT / page).exists()} == set()


def test_the_job_table_agrees_with_the_registry():
    text = DEVELOPMENT.read_text()
    assert generate.with_jobs(text) == text, "run python -m docs.generate"


def test_the_settings_page_has_each_setting_once_with_its_default():
    text = generate.SETTINGS.read_text()
    rows = [row[1] for row in generate.SETTING_ROW.finditer(text)]
    assert sorted(rows) == sorted(setting.upper() for setting in Settings.model_fields)
    assert generate.with_defaults(text) == text, "run python -m docs.generate"


def test_the_documented_contact_rules_agree_with_the_policy():
    text = generate.CONTACT_RULES.read_text()
    assert "`cap.massachusetts`" in text, "the rules are there"
    assert generate.with_rules(text) == text, "run python -m docs.generate"


def drawn(title):
    """Return the states in a diagram of development.md."""
    arrows = re.findall(r"^ +(\S+) --> ([^\s:]+)", section(title), re.M)
    return {state for arrow in arrows for state in arrow} - {"[*]"}


def source_of(what):
    return inspect.getsource(sys.modules[what.__module__])


def test_the_diagram_of_a_job_has_the_states_of_its_table():
    source = source_of(StagedJob)
    assigned = re.findall(r"state = '(\w+)'|(?:THEN|ELSE) '(\w+)'|\"'(\w+)'\"", source)
    compared = re.findall(r"state (?:NOT )?IN \((.+?)\)", source)
    states = {word for words in assigned for word in words if word}
    states |= {word for group in compared for word in re.findall(r"'(\w+)'", group)}
    assert StagedJob.state.default in states
    assert drawn("### Job") == states


def test_the_diagram_of_an_effect_has_the_states_that_are_recorded():
    recorded = set(re.findall(r"\bstate=\"(\w+)\"", source_of(Effect)))
    assert len(recorded) > 2
    assert drawn("### Effect") == recorded | {Effect.state.default}


def test_the_diagram_of_an_invoice_has_the_statuses_of_the_fold():
    computed = set(re.findall(r"return \"(\w+)\"", inspect.getsource(invoice_fold)))
    states = computed | set(invoice_fold.UNPAID) | invoice_fold.CLOSING_MARKS
    assert drawn("### Invoice") == states | {Invoice.status.default}


def test_the_diagram_of_a_message_has_every_status_that_is_ranked():
    assert drawn("### Message") == set(text_status._RANK) | {"refused"}


def test_the_diagram_of_a_call_has_every_state_that_is_ranked():
    assert drawn("### Call") == call_states.STATES


def test_each_reason_of_the_contact_gate_has_advice_for_operators():
    codes = re.findall(r"^\| `(\w+)` \|", contact.__doc__, re.M)
    assert len(codes) > 10
    advice = (DOCS / "operations" / "texts.md").read_text()
    assert [code for code in codes if f"`{code}`" not in advice] == []


def test_the_readme_shows_small_pictures_and_both_commands():
    text = (ROOT / "README.md").read_text()
    pictures = re.findall(r"!\[.+?\]\((docs/pictures/\S+)\)", text)
    assert len(pictures) >= 2
    sizes = {picture: (ROOT / picture).stat().st_size for picture in pictures}
    assert {picture for picture, size in sizes.items() if size > LARGEST_PICTURE} == set()
    assert all((ROOT / command).exists() for command in ("bin/demo", "bin/test"))
    assert "bin/demo" in text
    assert "bin/test" in text


def test_the_readme_names_every_room():
    """Given the folders of the code, then README's table of rooms has a row for each."""
    text = section("## The rooms", ROOT / "README.md")
    rooms = {Path(room) for room in re.findall(r"^\| `(\w+)/` \|", text, re.M)}
    code = {folder.parent.relative_to(ROOT) for folder in ROOT.glob("*/__init__.py")} | {
        Path("bin")
    }
    assert rooms == code
