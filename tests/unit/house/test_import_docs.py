"""docs/imports.md agrees with the tables by which the import reads files."""

from pathlib import Path

import pytest

from rules.imports.invoice_columns import MAPPABLE
from rules.imports.invoice_layouts import COMMON, CONTACT, LAYOUTS, Layout
from rules.imports.invoice_states import KINDS, STATES

PAGE = (Path(__file__).parents[3] / "docs" / "imports.md").read_text()
SHOWN = {field: name for name, field in MAPPABLE.items()} | {"balance": "amount (owed)"}


def table(fields: dict[str, tuple[str, ...]]) -> str:
    """Return the table of our fields and their column names, as the page shows it."""
    rows = [
        f"| {SHOWN[field]} | {' · '.join(f'`{name}`' for name in names)} |"
        for field, names in fields.items()
    ]
    return "\n".join(["| field | columns |", "|---|---|", *rows])


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_columns_of_every_program_are_documented(layout: Layout):
    assert f"### {layout.title} (`{layout.name}`)\n" in PAGE
    assert table(dict(layout.fields)) in PAGE, table(dict(layout.fields))
    assert layout.source in " ".join(PAGE.split())


@pytest.mark.parametrize("fields", [COMMON, CONTACT], ids=["common", "contact"])
def test_the_column_names_common_to_all_files_are_documented(fields):
    assert table(fields) in PAGE, table(fields)


@pytest.mark.parametrize("words", [STATES, KINDS], ids=["statuses", "types"])
def test_the_words_for_statuses_and_types_are_documented(words):
    for meaning, known in words.items():
        row = f"| {meaning} | {', '.join(known)} |"
        assert row in PAGE, row
