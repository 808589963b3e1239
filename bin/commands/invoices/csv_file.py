"""Read CSV files from spreadsheets and bookkeeping programs row by row, in their encodings and
delimiters, with any lines above the header.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TextIO

from rules.imports.invoice_lines import Row
from runtime.errors import PayphoneError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# the first bytes of other files that people mistake for a CSV
OTHERS = {
    b"PK\x03\x04": "an Excel workbook; open it and save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; open it and save it as CSV UTF-8",
    b"%PDF": "a PDF; export the report as CSV",
    b"<": "a web page or XML; export the report as CSV",
    b"!TRNS": "a QuickBooks IIF file; export a report as CSV",
    b"!HDR": "a QuickBooks IIF file; export a report as CSV",
}
DELIMITERS = ",;\t|"
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own hint
HEAD = 60  # rows that are searched for the header
CHUNK = 1 << 16
# spaces and invisible characters, which web pages put around a cell
EDGES = "".join(
    char
    for char in map(chr, (*range(0x3001), 0xFEFF))
    if char.isspace() or unicodedata.category(char) == "Cf"
)
LONGEST_CELL = 100_000  # characters; an unclosed quote must not swallow the rest of the file


class UnreadableFile(PayphoneError):
    """The file is not a CSV with a header row."""


class CsvFile:
    """A CSV file with its header row. Each iteration reads the rows below the header again, one at
    a time.

    `rank` returns how much a row looks like the header, 0 if not at all.
    """

    def __init__(
        self, path: Path, delimiter: str | None, rank: Callable[[Sequence[str]], int]
    ) -> None:
        if not path.is_file():
            raise UnreadableFile(
                f"{path.name} is a pipe or a device, and the file is read several times. Save it to"
                " a file first."
            )
        self.path, self.size = path, path.stat().st_size
        self.encoding = _encoding(path)
        self.done = 0  # bytes read so far, for a progress bar
        self.delimiter, first = self._delimiter(delimiter)
        candidates = [self.delimiter] if delimiter or self._skipped else DELIMITERS
        best = max(
            ((rank(row.cells), sign, row) for sign in candidates for row in self._head(sign)),
            key=lambda found: found[0],
            default=None,
        )
        if best is None or not best[0]:
            best = (0, self.delimiter, first)
        _, self.delimiter, head = best
        self.header, self.header_line = head.cells, head.line

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows below the header, without empty ones."""
        return (
            row
            for row in self._rows(self.delimiter)
            if row.line > self.header_line and any(row.cells)
        )

    def _delimiter(self, given: str | None) -> tuple[str, Row]:
        """Return the likely delimiter and the first row."""
        with self._open() as text:
            try:
                first = text.readline(LONGEST_CELL)
                named = SEPARATOR_LINE.fullmatch(first)
                self._skipped = first if named else ""
                first = text.readline(LONGEST_CELL) if named else first
            except UnicodeError:
                raise self._undecodable(1) from None
        delimiter = given or (named[1] if named else max(DELIMITERS, key=first.count))
        row = next((row for row in self._rows(delimiter) if any(row.cells)), None)
        if row is None:
            raise UnreadableFile(
                f"{self.path.name} has no header row; its first row must name the columns."
            )
        return delimiter, row

    def _head(self, delimiter: str) -> list[Row]:
        """Return the first rows, as far as this delimiter can parse them."""
        found: list[Row] = []
        with suppress(UnreadableFile):
            found.extend(islice(self._rows(delimiter), HEAD))
        return found

    def _open(self) -> TextIO:
        return self.path.open(encoding=self.encoding, newline="")

    def _rows(self, delimiter: str) -> Iterator[Row]:
        csv.field_size_limit(LONGEST_CELL)
        with self._open() as text:
            above = 1 if self._skipped and text.readline(LONGEST_CELL) else 0
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            line = above + 1
            try:
                for cells in reader:
                    yield Row(line, [_bare(cell) for cell in cells])
                    line = above + reader.line_num + 1
                    self.done = text.buffer.tell()
            except csv.Error as error:
                raise UnreadableFile(
                    f"{self.path.name}, line {line}: {error}. Look for an unclosed quotation mark."
                ) from None
            except UnicodeError:
                raise self._undecodable(line) from None

    def _undecodable(self, line: int) -> UnreadableFile:
        return UnreadableFile(
            f"{self.path.name}, line {line} or below: it is not valid {self.encoding}. Save the"
            " file as CSV UTF-8."
        )


def _bare(cell: str) -> str:
    """A cell without spaces and invisible characters around it, or the formula ="…" that keeps a
    spreadsheet from changing it.
    """
    text = cell.strip(EDGES)
    is_formula = len(text) > len('=""') and text.startswith('="') and text.endswith('"')
    return text[2:-1].replace('""', '"').strip(EDGES) if is_formula else text


def _encoding(path: Path) -> str:
    """Detect the encoding: by byte order mark or UTF-16's zero bytes, else UTF-8 if the whole file
    is valid, else Windows-1252. Raises UnreadableFile for known binary formats.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as raw:
        head = raw.read(64)
        for start, what in OTHERS.items():
            if head.lstrip().startswith(start):
                raise UnreadableFile(f"{path.name} is {what}.")
        for mark, name in MARKS:
            if head.startswith(mark):
                return name
        zeros = [head[place::2].count(0) for place in (0, 1)]
        if max(zeros) > len(head) // 4:
            return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        raw.seek(0)
        try:
            while chunk := raw.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"
