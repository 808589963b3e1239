"""Checks after the whole suite that no card number from its tests, and no secret, is left in a
database file, an append-only file or a log (F55).

Fixtures leave their files here before they remove them, and every test's own folder is searched
too. Each worker searches its own files when it has no more tests, and the process that started the
suite searches the rest. `servers.Postgres` searches PostgreSQL's rows when a database is given
back, and writes those with a trace to a file.
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
# numbers that tests use besides the sandbox's cards
OTHERS = ("6200000000000005", "3056930009020004", "3566002020360505")
CARDS = tuple(number.encode() for number in (*BY_NUMBER, *OTHERS))
# not inside a word, nor inside base64, as of encrypted text, which holds short prefixes by chance
ALONE = rb"(?<![\w+-])"
# Secrets that may be stored hashed or encrypted, but never in plain text.
SECRETS = {
    "client secret": rb"(?:pi|seti|cs)_\w+_secret_\w+",
    "key of ours": rb"\bpp(?:op)?_[0-9a-hjkmnp-tv-z]{43}\b",
    "key of Stripe's": rb"\b[sr]k_(?:test|live)_\w+",
    "signing secret": rb"\bwhsec_[\w+/=]+",
    "token of a clinic's": ALONE + rb"(?:ya29\.[\w-]{16,}|1//0[\w-]{16,}|o[ar]t_\w{16,})",
    "JSON web token": rb"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",
    "practice's key": rb"ODFHIR [\w/]+|" + ALONE + rb"(?:odd|odc|nxh)_\w{16,}",
    "password in an address": rb"://[^\s/@:\x00-\x1f\x7f-\xff]*:[^\s/@\x00-\x1f\x7f-\xff]+@",
}
# Every match of a kind's pattern contains one of these, and only printable characters.
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
SMALLEST = 512  # bytes, the smallest page of SQLite
BETWEEN = b" -\t\r\n"  # what people put between the groups of a number


def keep(source: Path, basetemp: Path) -> None:
    """Copy the files of a server that is about to be removed to where the sweep searches."""
    for path in files(source):
        kept = basetemp / "left" / source.name / path.relative_to(source)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the server might still run and replace its files
            shutil.copyfile(path, kept)


def files(root: Path) -> Iterator[Path]:
    """Yield every database, append-only file and log under `root`."""
    for folder, _, names in os.walk(root):  # a file that vanishes in between is not left
        for path in (Path(folder) / name for name in names):
            if (
                any(path.match(pattern) for pattern in LOOKED_AT)
                and path.is_file()
                and not path.is_symlink()
            ):
                yield path


def contents_under(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file under `root` with its content; a running server can replace
    files meanwhile.
    """
    for path in files_under(root):
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def cards_in(text: bytes) -> list[str]:
    """Return the card numbers in a file, written together or in groups, by their last four digits.

    PostgreSQL's write-ahead log is only searched for these: some tests write rows as an older
    release stored them, with client secrets, to see these removed, and the log keeps both.
    """
    joined = text.translate(None, BETWEEN)
    return [f"card …{card[-4:].decode()}" for card in CARDS if card in joined]


def traces_in(text: bytes) -> list[str]:
    """Return everything that must not be in a file: card numbers, and secrets by their kind and
    beginning.
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
    """Yield the lines that contain one of `signs`; searching for these is fifty times as fast as
    for a pattern.
    """
    for sign in signs:
        end = 0
        while (at := lines.find(sign, end)) >= 0:
            begin, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
            end = end if end >= 0 else len(lines)
            yield lines[begin:end]


def unseen(text: bytes, seen: set[bytes], like: bytes = b"") -> bytes:
    """Return the pages of a SQLite file that are not in `seen`, and add them to it.

    Most pages of a test's database are as copied, and equal those at the same places of `like`,
    which was already searched. No text continues from one page to the next without the page's
    number in between. Other files are returned whole.
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
    """The plugin, in each process that runs tests and in the one that started them."""

    def __init__(self) -> None:
        self.looked, self.size, self.found = 0, 0, list[str]()
        self.seen: set[bytes] = set()
        self.like = b""  # the first database
        self.with_database = 0  # tests that used one
        self.elsewhere: set[Path] = set()  # what workers have searched

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and re.search(r"\[(sqlite|postgres)\b", report.nodeid):
            self.with_database += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Merge what a worker of xdist found. One that died has reported nothing."""
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
        except FileNotFoundError:  # a file that vanishes in between is not left
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
