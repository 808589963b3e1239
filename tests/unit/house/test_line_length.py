"""No line is over 100 columns where ruff does not look: pages, styles, scripts, settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import ROOT

WIDEST = 100
KINDS = {".js", ".css", ".html", ".toml", ".sh"}
NOT_OURS = {"var", "data", "migrations", "__pycache__"}  # generated, or never changed


def is_ours(folder: str) -> bool:
    return folder not in NOT_OURS and (not folder.startswith(".") or folder == ".ci")


def edited() -> Iterator[Path]:
    """Yield the files of these kinds, and the commands, which have no extension."""
    for folder, below, names in os.walk(ROOT):
        below[:] = filter(is_ours, below)
        place = Path(folder)
        for name in names:
            if Path(name).suffix in KINDS or (place == ROOT / "bin" and "." not in name):
                yield place / name


def too_long(text: str) -> list[int]:
    """Return the numbers of the lines that are too long, in characters, not bytes."""
    return [at for at, line in enumerate(text.split("\n"), 1) if len(line) > WIDEST]


FILES = sorted(str(path.relative_to(ROOT)) for path in edited())


def test_a_line_is_measured_in_characters():
    assert too_long("\n".join(["é" * 100, "e" * 101, ""])) == [2]


def test_files_of_each_kind_are_checked():
    """Given files of the kinds that we have, then they are checked."""
    assert {Path(file).suffix for file in FILES} == KINDS | {""}
    assert {
        "bin/payphone",
        "bin/setup.sh",
        "pyproject.toml",
        "sandbox/state_page.html",
        "web/static/card_form.js",
        "web/static/payphone.css",
        "web/templates/home.html",
    } <= set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_no_line_exceeds_100_columns(file):
    assert too_long((ROOT / file).read_text("utf-8")) == []
