"""Reading a CSV from spreadsheets and bookkeeping programs, row by row, in their encodings and
delimiters.
"""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from runtime.errors import PayphoneError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DELIMITERS = ",;\t|"
CHUNK = 1 << 16
LONGEST_CELL = 100_000  # characters; a quote that never ends is not read to the end of the file


class UnreadableFile(PayphoneError):
    """The file is not a CSV with a header row."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its first line in the file, and its cells."""

    line: int
    cells: list[str]


class CsvFile:
    """A CSV file with its header row; each iteration reads it again, a row at a time."""

    def __init__(self, path: Path, delimiter: str | None = None) -> None:
        self.path, self.size = path, path.stat().st_size
        self.encoding = _encoding(path)
        with self._open() as text:
            first = text.readline()
        self.delimiter = delimiter or max(DELIMITERS, key=first.count)
        self.done = 0  # bytes read so far, for a progress bar
        self.header = next((record.cells for record in self._records()), [])
        if not any(self.header):
            raise UnreadableFile(
                f"{path.name} has no header row; its first row must name the columns."
            )

    def __iter__(self) -> Iterator[Record]:
        """The rows below the header; empty ones are skipped."""
        records = self._records()
        next(records, None)
        return (record for record in records if any(cell.strip() for cell in record.cells))

    def _open(self) -> TextIO:
        return self.path.open(encoding=self.encoding, newline="")

    def _records(self) -> Iterator[Record]:
        csv.field_size_limit(LONGEST_CELL)
        with self._open() as text:
            reader, line = csv.reader(text, delimiter=self.delimiter, strict=True), 1
            try:
                for cells in reader:
                    yield Record(line, [cell.strip() for cell in cells])
                    line = reader.line_num + 1
                    self.done = text.buffer.tell()
            except csv.Error as error:
                raise UnreadableFile(
                    f"{self.path.name}, line {line}: {error}. Look for an unclosed quotation mark."
                ) from None


def _encoding(path: Path) -> str:
    """The encoding: by byte order mark, else UTF-8 if the whole file is valid,
    else Windows-1252.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as raw:
        head = raw.read(4)
        for mark, name in MARKS:
            if head.startswith(mark):
                return name
        raw.seek(0)
        try:
            while chunk := raw.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"
