"""The timeline's entries about planned contacts: as a draft, as performed, or why not."""

from collections.abc import Iterable

from models.contact.planned_contact import PlannedContact, PlannedContactInvoice
from models.contact.work_item import WorkItem
from models.reports.timeline import MOST, Belongings, Entry

WAYS = {"sms": "A text", "voice": "A call", "person": "Handing over to a person"}


def planned_contacts(having: Belongings) -> Iterable[Entry]:
    """Contacts planned by the ladder. A draft's work item gives the time of its approval or end."""
    about = "t.invoice_id = ? ORDER BY t.planned_contact_id LIMIT ?"
    rows = PlannedContactInvoice.all_with("planned_contact", about, having.invoice.id, MOST)
    decided = _decided([row.planned_contact for row in rows if row.planned_contact.expires_at])
    for row in rows:
        yield from _of(row.planned_contact, decided.get(row.planned_contact_id))


def _decided(drafts: list[PlannedContact]) -> dict[str, WorkItem]:
    """The work items of drafts, by draft id."""
    if not drafts:
        return {}
    places = ", ".join("?" for _ in drafts)
    rows = WorkItem.all(f"kind = 'draft' AND subject IN ({places})", *(row.id for row in drafts))
    return {row.subject: row for row in rows}


def _of(planned: PlannedContact, item: WorkItem | None) -> Iterable[Entry]:
    # a customer who asked for one channel is contacted by it, whatever the rung says
    made = "sms" if planned.message_id else "voice" if planned.call_id else planned.channel
    way, line = WAYS[made], f"planned:{planned.id}"
    named = f"{way} of day {planned.days}"
    if planned.expires_at is not None:
        until = f"{planned.expires_at:%Y-%m-%d %H:%M} UTC"
        yield Entry(
            line,
            planned.created_at,
            "decision",
            "contact.drafted",
            f"{named} was drafted; it waits for approval until {until}.",
            "draft",
        )
    if item is not None and item.resolved_at is not None and item.resolution == "approve":
        who = item.resolved_by or ""
        yield Entry(
            f"{line}:approved",
            item.resolved_at,
            "decision",
            "contact.approved",
            f"{named} was approved by {who}.",
            "approved",
            who,
        )
    if planned.performed_at is not None:
        yield Entry(
            f"{line}:performed",
            planned.performed_at,
            "decision",
            "contact.performed",
            f"{named} was started, as the account's ladder says.",
            planned.state,
            planned.asked_by,
        )
    elif not planned.is_open:
        ended = item.resolved_at if item is not None else None
        reason = f" {planned.reason}" if planned.reason else ""
        yield Entry(
            f"{line}:over",
            ended or planned.created_at,
            "decision",
            f"contact.{planned.state}",
            f"{named} was not made: {planned.code or planned.state}.{reason}",
            planned.code or planned.state,
            (item.resolved_by or "") if item is not None else "",
        )
