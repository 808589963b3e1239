"""`events`: list incoming provider events by outcome."""

import click

from bin.commands.output import moment, show_list
from models.books.inbox_event import InboxEvent

OUTCOMES = ("refused", "unmatched", "ignored", "applied", "unchanged", "unprocessed")


@click.group()
def events() -> None:
    """Incoming events from providers, and their outcomes."""


@events.command("list")
@click.option("--outcome", type=click.Choice(OUTCOMES), default="refused", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_events(outcome: str, limit: int) -> None:
    """Show events with one outcome, newest first. Their contents are not shown, since they are
    personal data.
    """
    wanted = (
        InboxEvent.outcome.is_null() if outcome == "unprocessed" else InboxEvent.outcome == outcome
    )
    columns = ("id", "received", "provider", "account", "event", "type", "invoice", "reason")
    show_list(
        columns,
        InboxEvent.select().where(wanted).order_by(InboxEvent.id.desc()),
        _row,
        limit,
        f"No events are {outcome}.",
    )


def _row(event: InboxEvent) -> tuple[object, ...]:
    return (
        event.id,
        moment(event.received_at),
        event.provider,
        event.account or "platform",
        event.event_id,
        event.type,
        event.invoice_id,
        event.reason,
    )
