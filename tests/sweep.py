"""After the whole suite: no card number that its tests used is left in a database file, an
append-only file or a log (F55).

What a fixture takes down, it leaves here first; every test's own folder is looked through too, by
the process that started the suite.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stripe.test_cards import BY_NUMBER

LOOKED_AT = ("*.db*", "*.aof", "*.rdb", "*.log", "pg_wal/*")
# what tests throw at us beside the sandbox's cards
OTHERS = ("6200000000000005", "3056930009020004", "3566002020360505")
CARDS = tuple(number.encode() for number in (*BY_NUMBER, *OTHERS))
BETWEEN = b" -\t\r\n"  # what people write between the groups of a number


def keep(source: Path, basetemp: Path) -> None:
    """Leave the files of a server that is about to be removed where the sweep will look."""
    for pattern in LOOKED_AT:
        for path in source.rglob(pattern):
            if path.is_file():
                kept = basetemp / "left" / source.name / path.relative_to(source)
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, kept)


def files(root: Path) -> Iterator[Path]:
    """Every database, append-only file and log under `root`."""
    for folder, _, names in os.walk(root):  # what vanishes meanwhile is not left
        for path in (Path(folder) / name for name in names):
            if (
                any(path.match(pattern) for pattern in LOOKED_AT)
                and path.is_file()
                and not path.is_symlink()
            ):
                yield path


def cards_in(path: Path) -> list[str]:
    """The card numbers in a file, written together or in groups; all but their last four digits are
    hidden.
    """
    text = path.read_bytes().translate(None, BETWEEN)
    return [f"…{card[-4:].decode()}" for card in CARDS if card in text]


class Sweep:
    """The plugin of the process that started the suite."""

    def __init__(self) -> None:
        self.looked, self.size, self.found = 0, 0, list[str]()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        root = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        for path in files(root):
            self.looked, self.size = self.looked + 1, self.size + path.stat().st_size
            self.found += [f"{path.relative_to(root)}: {card}" for card in cards_in(path)]
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        where = f"{self.looked} databases, append-only files and logs ({self.size / 1e6:.0f} MB)"
        terminalreporter.write_line(
            f"card numbers left in {where}: {len(self.found) or 'none'}",
            red=bool(self.found),
            green=not self.found,
        )
        for trace in self.found:
            terminalreporter.write_line(f"  {trace}", red=True)
