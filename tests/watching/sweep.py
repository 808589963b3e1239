"""After the whole suite: no card number that its tests used, and no secret, is left in a database
file, an append-only file or a log (F55).

What a fixture takes down, it leaves here first; every test's own folder is looked through too.
Each worker of the suite looks through its own when it has no more tests, the process that started
the suite through all the others. PostgreSQL's rows are looked through by `servers.Postgres` when a
database is given back, and those with a trace are left as a file.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from runtime.private_files import files_under
from sandbox.stripe.test_cards import BY_NUMBER

LOOKED_AT = ("*.db*", "*.aof", "*.rdb", "*.log", "pg_wal/*")
# what tests throw at us beside the sandbox's cards
OTHERS = ("6200000000000005", "3056930009020004", "3566002020360505")
CARDS = tuple(number.encode() for number in (*BY_NUMBER, *OTHERS))
# What may be kept as a hash or sealed, and never as it is.
SECRETS = {
    "client secret": rb"(?:pi|seti|cs)_\w+_secret_\w+",
    "key of ours": rb"\bpp(?:op)?_[0-9a-hjkmnp-tv-z]{43}\b",
    "key of Stripe's": rb"\b[sr]k_(?:test|live)_\w+",
    "signing secret": rb"\bwhsec_[\w+/=]+",
    "token of a clinic's": rb"\bya29\.[\w-]{16,}|\b1//0[\w-]{16,}|\bo[ar]t_\w{16,}",
    "JSON web token": rb"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",
    "practice's key": rb"ODFHIR [\w/]+|\b(?:odd|odc|nxh)_\w{16,}",
    "password in an address": rb"://[^\s/@:\x00-\x1f\x7f-\xff]*:[^\s/@\x00-\x1f\x7f-\xff]+@",
}
# Each match of a kind's pattern has one of these in it, and nothing that is not printed.
SIGNS = {
    "client secret": (b"_secret_",),
    "key of ours": (b"pp_", b"ppop_"),
    "key of Stripe's": (b"k_test_", b"k_live_"),
    "signing secret": (b"whsec_",),
    "token of a clinic's": (b"ya29.", b"1//0", b"oat_", b"ort_"),
    "JSON web token": (b"eyJ",),
    "practice's key": (b"ODFHIR ", b"odd_", b"odc_", b"nxh_"),
    "password in an address": (b"://",),
}
ONLY_PRINTED = bytes(byte if 0x20 <= byte <= 0x7E else 0x0A for byte in range(256))
SQLITE = b"SQLite format 3\0"
SMALLEST = 512  # bytes of a page
BETWEEN = b" -\t\r\n"  # what people write between the groups of a number


def keep(source: Path, basetemp: Path) -> None:
    """Leave the files of a server that is about to be removed where the sweep will look."""
    for path in files(source):
        kept = basetemp / "left" / source.name / path.relative_to(source)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # it may still run, and replace files of its own
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


def contents_under(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file under `root`; a server that runs replaces files of its own meanwhile."""
    for path in files_under(root):
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def cards_in(text: bytes) -> list[str]:
    """The card numbers in a file, written together or in groups, by their last four digits.

    All that PostgreSQL's log of writes is held to: some tests write rows as an older release kept
    them, with client secrets, to see these taken out; the log remembers both.
    """
    joined = text.translate(None, BETWEEN)
    return [f"card …{card[-4:].decode()}" for card in CARDS if card in joined]


def traces_in(text: bytes) -> list[str]:
    """All that should not be in a file: card numbers, and secrets by their kind and how they
    begin.
    """
    lines = text.translate(ONLY_PRINTED)
    return cards_in(text) + [
        f"{kind} {secret[:10].decode()}…"
        for kind, pattern in SECRETS.items()
        for secret in sorted(
            {
                found
                for line in _lines_with(SIGNS[kind], lines)
                for found in re.findall(pattern, line)
            }
        )
    ]


def _lines_with(signs: tuple[bytes, ...], lines: bytes) -> Iterator[bytes]:
    """Where one of `signs` stands; to search for them is fifty times as fast as for a pattern."""
    for sign in signs:
        end = 0
        while (at := lines.find(sign, end)) >= 0:
            begin, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
            end = end if end >= 0 else len(lines)
            yield lines[begin:end]


def unseen(text: bytes, seen: set[bytes], like: bytes = b"") -> bytes:
    """Of a SQLite file, the pages that are not in `seen`, which are added to it: most of a test's
    database is as it was copied, and stands at the same places in `like`, which was seen. No text
    goes on from one page into the next without the number of a page between. Any other file is
    returned whole.
    """
    if not text.startswith(SQLITE):
        return text
    size = int.from_bytes(text[16:18], "big")
    if size < SMALLEST:  # one stands for 65,536
        return text
    pages = {}
    for at in range(0, len(text), size):
        page = text[at : at + size]
        if page == like[at : at + size]:
            continue
        pages[blake2b(page, digest_size=16).digest()] = page
    new = pages.keys() - seen
    seen |= new
    return b"\0".join(page for digest, page in pages.items() if digest in new)


class Sweep:
    """The plugin: in each process that runs tests, and in the one that started them."""

    def __init__(self) -> None:
        self.looked, self.size, self.found = 0, 0, list[str]()
        self.seen: set[bytes] = set()
        self.like = b""  # the first database
        self.with_database = 0  # tests that have written one
        self.elsewhere: set[Path] = set()  # what workers have looked through

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and re.search(r"\[(sqlite|postgres)\b", report.nodeid):
            self.with_database += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of xdist has ended. One that died has said nothing."""
        for root, looked, size, found in getattr(node, "workeroutput", {}).get("sweep", ()):
            self.elsewhere.add(Path(root))
            self.looked, self.size = self.looked + looked, self.size + size
            self.found += found

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        root = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        for path in files(root):
            if self.elsewhere.isdisjoint(path.parents):
                self._look_through(path, root)
        if hasattr(session.config, "workeroutput"):
            told = (str(root), self.looked, self.size, self.found)
            session.config.workeroutput["sweep"] = [told]
            return
        if self.with_database and not self.size:
            self.found.append(f"{self.with_database} tests had a database, and no file was found")
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _look_through(self, path: Path, root: Path) -> None:
        try:
            text = path.read_bytes()
        except FileNotFoundError:  # what vanishes meanwhile is not left
            return
        self.looked, self.size = self.looked + 1, self.size + len(text)
        new = unseen(text, self.seen, self.like)
        if text.startswith(SQLITE):
            self.like = self.like or text
        traces = cards_in(new) if path.parent.name == "pg_wal" else traces_in(new)
        self.found += [f"{path.relative_to(root)}: {trace}" for trace in traces]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        where = f"{self.looked} databases, append-only files and logs ({self.size / 1e6:.0f} MB)"
        terminalreporter.write_line(
            f"card numbers and secrets left in {where}: {len(self.found) or 'none'}",
            red=bool(self.found),
            green=not self.found,
        )
        for trace in self.found:
            terminalreporter.write_line(f"  {trace}", red=True)
