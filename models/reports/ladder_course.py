"""How far a customer has climbed the ladder, and when they last heard from the clinic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from models.contact.contact_facts import moment
from models.invoices.invoice import Invoice
from models.transactions import execute
from rules.contact.ladder import LastContacts, UnpaidInvoice

# A text that was never sent and a call that was never placed were no contact: the rung is still to
# come. A draft counts like a contact, so that later rungs keep their distance from it.
_CLIMBED = """
SELECT n.invoice_id, n.climbed, n.due_on, p.channel, COALESCE(p.performed_at, p.created_at),
    p.performed_at IS NOT NULL AND p.message_id IS NULL
FROM planned_contact AS p
JOIN planned_contact_invoice AS n ON n.planned_contact_id = p.id
LEFT JOIN message AS m ON m.id = p.message_id
LEFT JOIN effect AS e ON e.id = m.effect_id
LEFT JOIN call AS c ON c.id = p.call_id
WHERE p.customer_id = ? AND p.state <> 'refused'
AND NOT (m.id IS NOT NULL AND m.status = 'refused'
    AND (m.effect_id IS NULL OR m.error_code = 'expired'
        OR COALESCE(e.error_code, '') = 'not_sent'))
AND NOT (c.id IS NOT NULL AND c.state IN ('refused', 'cancelled') AND c.attempted_at IS NULL)
AND NOT (c.id IS NOT NULL AND c.outcome = 'not_placed')
"""
_CALLED = (
    "SELECT MAX(attempted_at) FROM call WHERE customer_id = ? AND direction = 'outbound'"
    " AND outcome <> 'not_placed'"
)
_TEXTED = "SELECT MAX(sent_at) FROM message WHERE customer_id = ?"


@dataclass(frozen=True, slots=True)
class Course:
    """What a customer's next rung depends on."""

    owed: tuple[UnpaidInvoice, ...]
    heard: LastContacts


def course_of(customer_id: str, zone: str, invoices: Sequence[Invoice]) -> Course:
    """The customer's course, given their unpaid `invoices`, in the account's time `zone`."""
    climbed: dict[tuple[str, str], int] = {}
    handed_over: set[tuple[str, str]] = set()
    heard: list[datetime] = []
    calls: list[datetime] = []
    for invoice_id, days, due_on, channel, performed, is_call in execute(
        _CLIMBED, (customer_id,)
    ).fetchall():
        key = invoice_id, str(due_on)
        climbed[key] = max(days, climbed.get(key, 0))
        at = moment(performed)
        if channel == "person":
            handed_over.add(key)
        elif at is not None:
            heard.append(at)
            if is_call:  # including calls made by hand
                calls.append(at)
    texted, called = (
        [at for at in [moment(execute(sql, (customer_id,)).fetchone()[0])] if at is not None]
        for sql in (_TEXTED, _CALLED)
    )
    keys = [(one.id, one.due_date.isoformat()) for one in invoices]
    return Course(
        tuple(
            UnpaidInvoice(one.id, one.due_date, climbed.get(key, 0), key in handed_over)
            for one, key in zip(invoices, keys, strict=True)
        ),
        LastContacts(_day([*heard, *texted, *called], zone), _day([*calls, *called], zone)),
    )


def _day(moments: Sequence[datetime], zone: str) -> date | None:
    """The local date of the latest of `moments`, or None."""
    latest = max(moments, default=datetime.min.replace(tzinfo=UTC))
    return latest.astimezone(ZoneInfo(zone)).date() if moments else None
