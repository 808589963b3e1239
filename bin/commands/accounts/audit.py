"""`audit`: export the audit log."""

import csv
import json
import sys
from datetime import datetime

import click

from bin.commands.since import since_when
from models.accounts.audit_entry import AuditEntry
from runtime.clock import rfc3339

FIELDS = ("id", "at", "account_id", "actor", "action", "subject", "detail")


@click.group()
def audit() -> None:
    """The audit log: who did what, and when."""


@audit.command()
@click.option(
    "--since",
    callback=since_when,
    help="Only entries since then: 36h, 2d, 2026-11-20 or 2026-11-20T08:00:00Z.",
)
@click.option(
    "--format", "shape", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True
)
def export(since: datetime | None, shape: str) -> None:
    """Write all entries to standard output, oldest first."""
    entries = AuditEntry.since(since)
    if shape == "jsonl":
        for entry in entries:
            sys.stdout.write(json.dumps(_shown(entry), ensure_ascii=False) + "\n")
        return
    writer = csv.writer(sys.stdout)
    writer.writerow(FIELDS)
    for entry in entries:
        shown = _shown(entry) | {"detail": json.dumps(entry.detail, ensure_ascii=False)}
        writer.writerow([_inert(shown[name]) for name in FIELDS])


def _shown(entry: AuditEntry) -> dict[str, object]:
    plain: dict[str, object] = {name: getattr(entry, name) for name in FIELDS}
    return plain | {"at": rfc3339(entry.at)}


def _inert(value: object) -> object:
    """Prefix a text that a spreadsheet would run as a formula (it starts with = + - or @) with an
    apostrophe.
    """
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value
