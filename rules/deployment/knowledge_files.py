"""Which files a receptionist can answer from, judged by content and by name; pure.

Vapi accepts up to 300 KB (docs.vapi.ai, "Knowledge base") and parses a file by its extension.
"""

import io
import json
import unicodedata
import zipfile

LARGEST = 300_000  # bytes
LONGEST_NAME = 200
MOST = 50  # files of one account at a time
TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
}
ACCEPTED = f"{', '.join(TYPES)} up to {LARGEST // 1000} KB are accepted"
# Invisible, but needed to spell Persian, Hindi and many emoji. Other invisible characters can
# reverse the order of letters (U+202E), or make two different names look the same.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_PDF_HEAD = 1024  # bytes within which a PDF's header must begin, as PDF readers allow


class BadFile(ValueError):
    """A file cannot be used; the message says why, what is accepted, and what to do."""

    def __init__(self, wrong: str, todo: str, accepted: str = ACCEPTED) -> None:
        super().__init__(f"{wrong}; {accepted}; {todo}")


def plain_name(name: str, accepted: str = ACCEPTED) -> str:
    """The file's name without its folders. Raises BadFile, which says what is `accepted`."""
    own = name.replace("\\", "/").rpartition("/")[2].strip()
    own = unicodedata.normalize("NFC", own)
    seen = own.translate(dict.fromkeys(map(ord, _JOINERS)))
    if not seen or any(unicodedata.category(char).startswith("C") for char in seen):
        raise BadFile("has no name, or one with invisible characters", "rename it", accepted)
    if len(own) > LONGEST_NAME:
        todo = f"use at most {LONGEST_NAME}"
        raise BadFile(f"has a name of {len(own)} characters", todo, accepted)
    return own


def content_type(name: str, content: bytes) -> str:
    """The content type of a file, if its content matches its extension. Raises BadFile."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending not in TYPES:
        raise BadFile("is of another type, by the ending of its name", "save it as one of these")
    if not content:
        raise BadFile("is empty", "choose the file again")
    if len(content) > LARGEST:
        raise BadFile(f"has {len(content):,} bytes", "split it, or leave pictures out")
    if not _is(ending, content):
        raise BadFile(
            f"ends in .{ending} but its content is not {ending}", "save it again in that format"
        )
    return TYPES[ending]


def text_of(name: str, content: bytes) -> str:
    """The text of a plain-text file; '' for any other."""
    ending = name.rpartition(".")[2].lower()
    return content.decode("utf-8-sig") if ending in {"txt", "md", "csv", "json"} else ""


def _is(ending: str, content: bytes) -> bool:
    if ending == "pdf":
        return b"%PDF-" in content[:_PDF_HEAD]
    if ending == "docx":
        return _is_word(content)
    return _is_text(content) and (ending != "json" or _is_json(content))


def _is_word(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {"[Content_Types].xml", "word/document.xml"} <= set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def _is_text(content: bytes) -> bool:
    """Whether it is UTF-8 with visible text and no control characters."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and not any(
        unicodedata.category(char) == "Cc" and char not in "\t\n\r\f" for char in text
    )


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True
