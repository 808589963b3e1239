"""What an import says that people will not have: opt-outs, and consents that earlier files brought and this one denies.

Kept by number, whatever becomes of the invoice in the row. The same file twice changes nothing, but for a person who
has started again meanwhile and whose stop in the file has no date: then it counts as said again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from models.account import Account
from models.account_sender import sender_of
from models.consent import Consent
from models.opt_out import OptOut
from rules.invoice_csv import Refusal

SOURCE = "import"


@dataclass(frozen=True, slots=True)
class News:
    """What of a person's refusals is not known yet: channels to stop, and whether consents of earlier imports end."""

    phone: str
    stops: tuple[str, ...]
    at: datetime | None
    ends_consent: bool


def news_of(account: Account, refusals: Iterable[Refusal]) -> list[News]:
    """What is new in these rows, one for each person and time of a stop; nothing is written."""
    asked: dict[tuple[str, datetime | None], tuple[set[str], bool]] = {}
    for one in refusals:
        stops, denied = asked.get((one.phone, one.at), (set(), False))
        asked[one.phone, one.at] = (stops | set(one.stops), denied or one.no_consent)
    senders = tuple(sender_of(account.id).values())
    found = []
    for (phone, at), (stops, denied) in sorted(asked.items(), key=lambda item: item[0][0]):
        new = tuple(sorted(channel for channel in stops if not _is_known(account, senders, phone, channel, at)))
        ends = denied and Consent.was_imported(account.id, phone)
        found += [News(phone, new, at, ends)] if new or ends else []
    return found


def _is_known(account: Account, senders: tuple[str, ...], phone: str, channel: str, at: datetime | None) -> bool:
    if OptOut.holds(account.id, senders, phone, channel):
        return True
    same = (OptOut.account_id == account.id) & (OptOut.phone == phone) & (OptOut.source == SOURCE) & (OptOut.at == at)
    return at is not None and any(channel in row.channels for row in OptOut.select().where(same))


def keep(account: Account, news: Iterable[News], actor: str, now: datetime) -> None:
    """Write it, in the caller's transaction. A stop counts from the time the file gives, at the latest from now."""
    for one in news:
        if one.stops:
            said = {"at": min(one.at, now)} if one.at else {}
            OptOut.record(account.id, one.phone, "stop", one.stops, source=SOURCE, recorded_by=actor, **said)
        if one.ends_consent:
            Consent.void_imported(account.id, one.phone, "a later import says no", now)
