"""Which invoices have become overdue: those still `sent` whose due date has passed in their
account's time zone.
"""

from collections import defaultdict
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from peewee import ModelSelect

from models.accounts.account import Account
from models.invoices.invoice import Invoice


def past_due(now: datetime, after: tuple[date, str]) -> "ModelSelect[Any] | None":
    """The ids and due dates of those invoices at `now` (business time), earliest due date first,
    after a due date and an id. None if there are no accounts.

    At any time only two or three dates are current on earth, so this reads as many ranges of the
    index (status, due_date).
    """
    zones: dict[date, list[str]] = defaultdict(list)
    for row in Account.select(Account.time_zone).distinct():
        zones[now.astimezone(ZoneInfo(row.time_zone)).date()].append(row.time_zone)
    if not zones:
        return None
    everywhere = min(zones)  # the earliest current date: due before it is overdue everywhere
    later = [
        (Invoice.due_date >= everywhere) & (Invoice.due_date < today) & Account.time_zone.in_(names)
        for today, names in zones.items()
    ]
    passed = reduce(or_, later[1:], later[0]) | (Invoice.due_date < everywhere)
    latest = Invoice.due_date < max(zones)
    due_date, last_id = after
    onward = (Invoice.due_date > due_date) | (Invoice.id > last_id)
    return (
        Invoice.select(Invoice.id, Invoice.due_date)
        .join(Account)
        .where(Invoice.status == "sent", Invoice.due_date >= due_date, onward, latest, passed)
        .order_by(Invoice.due_date, Invoice.id)
    )
