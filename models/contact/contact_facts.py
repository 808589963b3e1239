"""The facts for deciding whether to contact one person over one channel, read by one statement.

Each row of its result is one fact: its name, two words, and a number. The history of contacts
consists of texts, of calls, including those that staff made by hand, and of cards charged by
telephone. A call is one contact, however many invoices it is about: it counts for this invoice, or
for none.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from models.base import to_micros
from models.transactions import execute
from rules.contact.channel_address import CHANNELS
from rules.stripe_event_types import CARD_EVENTS, FORMER_CARD_EVENTS, UNNAMED

REMEMBERED = timedelta(days=9)  # of contacts: the longest window is a week and an hour
BACKLOG = timedelta(minutes=10)  # an event that has waited this long means that there is a backlog
# after a day, an unprocessed event only holds back its own invoice
FORGIVEN = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _named(sql: str) -> tuple[str, tuple[str, ...]]:
    """Turn SQL with `:name` parameters into SQL with `?`, and the names in that order."""
    return re.sub(r":\w+", "?", sql), tuple(re.findall(r":(\w+)", sql))


_INTENTS = (
    "SELECT intent_id FROM payment WHERE invoice_id = :invoice UNION SELECT intent_id FROM"
    " payment_attempt WHERE invoice_id = :invoice"
)
# events about a clinic's own card, which never concern an invoice
_OF_CARDS = ", ".join(f"'{name}'" for name in (*CARD_EVENTS, *FORMER_CARD_EVENTS))
_UNNAMED_TYPES = " OR ".join(f"e.type LIKE :unnamed{place}" for place in range(len(UNNAMED)))
# Whether an unprocessed event may change the invoice: one that names it or an intent of it, or one
# whose invoice is unknown. The latter counts if it is about returned money, was received by an
# older release that did not record what it names, or has waited for long; but no longer once its
# job is dead or it has waited for a day. The provider is compared as an expression that no index
# has; otherwise SQLite would use the provider's index and read all events ever received instead of
# the few that wait.
_BEHIND = f"""
SELECT 1 FROM inbox_event AS e
WHERE e.provider || '' = 'stripe' AND e.account = :stripe AND e.outcome IS NULL AND (
    (e.received_at > :forgiven AND e.type NOT IN ({_OF_CARDS})
     AND (e.received_at < :backlog OR e.intent_id IS NULL OR {_UNNAMED_TYPES})
     AND NOT EXISTS (SELECT 1 FROM payment AS p
         WHERE p.stripe_account = e.account AND p.intent_id = e.intent_id)
     AND NOT EXISTS (SELECT 1 FROM payment_attempt AS a WHERE a.intent_id = e.intent_id)
     AND NOT EXISTS (SELECT 1 FROM invoice AS i WHERE i.id = e.named_invoice_id)
     AND NOT EXISTS (SELECT 1 FROM staged_job AS j WHERE j.name = 'process_stripe_event'
         AND j.key = CAST(e.id AS TEXT) AND j.state = 'dead'))
    OR e.named_invoice_id = :invoice
    OR e.intent_id IN ({_INTENTS})
    OR (e.intent_id IS NULL AND (e.payload LIKE :invoice_within OR EXISTS (
        SELECT 1 FROM ({_INTENTS}) AS known
        WHERE e.payload LIKE CAST(:any AS TEXT) || known.intent_id || CAST(:any AS TEXT))))
) LIMIT 1
"""
_BOOKS = f"""
SELECT 'read' AS fact, CAST(NULL AS TEXT) AS a, CAST(NULL AS TEXT) AS b, updated_at AS at
    FROM stripe_watermark WHERE stripe_account = :stripe
UNION ALL SELECT 'behind', NULL, NULL, NULL WHERE EXISTS ({_BEHIND})
"""
_SENDER = "SELECT COALESCE(messaging_service_sid, from_number) FROM account_sender"
# the person's latest opt-out or opt-in for the channel; the account is compared as an expression,
# because its own index is ordered by time and would be read from the end
_LATEST = f"""FROM opt_out WHERE phone IN (:phone, {", ".join(f":{each}" for each in CHANNELS)})
    AND CAST(channels AS TEXT) LIKE :channel_within"""
_LAST = "ORDER BY at DESC, id DESC LIMIT 1"
# the invoice in question, if a text names it beside its own
_NAMED = """CASE WHEN EXISTS (SELECT 1 FROM planned_contact AS p
        JOIN planned_contact_invoice AS n ON n.planned_contact_id = p.id
        WHERE p.message_id = message.id AND n.invoice_id = :invoice)
    THEN CAST(:invoice AS TEXT) ELSE message.invoice_id END"""
# a call that is not over counts as the strictest outcome
_CALL = """
    CASE WHEN c.asked_for THEN 'wanted_call' ELSE 'call' END, (SELECT i.invoice_id FROM
    call_invoice AS i WHERE i.call_id = c.id AND i.invoice_id = :invoice),
    COALESCE(NULLIF(c.outcome, ''), 'in_doubt'), c.attempted_at FROM call AS c"""
# Calls by hand recorded by an older release, which stores no call row for them. And a payment by
# telephone counts as a conversation, whoever called and whatever is recorded of the call, but not
# as an attempt of ours.
_BY_HAND = """
UNION ALL SELECT 'call', (SELECT n.invoice_id FROM planned_contact_invoice AS n
        WHERE n.planned_contact_id = p.id AND n.invoice_id = :invoice), 'in_doubt', p.performed_at
    FROM planned_contact AS p JOIN work_item AS w ON w.id = p.work_item_id
    WHERE p.customer_id = :customer AND p.performed_at > :remembered AND p.call_id IS NULL
    AND w.kind = 'call' AND w.resolution = 'called'
UNION ALL SELECT 'wanted_call', a.invoice_id, 'spoke', c.created_at
    FROM payment_confirmation AS c JOIN payment_attempt AS a ON a.id = c.attempt_id
    WHERE a.invoice_id = :invoice AND c.by_phone AND c.created_at > :remembered"""
_PERSON = f"""
UNION ALL SELECT CASE WHEN messaging_service_sid IS NULL THEN 'From' ELSE 'MessagingServiceSid' END,
    COALESCE(messaging_service_sid, from_number), registration, NULL
    FROM account_sender WHERE account_id = :account
UNION ALL SELECT 'shared', sender, state, NULL
    FROM sender_registration WHERE sender = :shared
UNION ALL SELECT 'settings', party, CAST(quiet_days AS TEXT), consent_days
    FROM account_settings WHERE account_id = :account
UNION ALL SELECT 'checks', NULL, NULL, number_check_days
    FROM account_settings WHERE account_id = :account
UNION ALL SELECT 'looked_up', answer, since, answered_at FROM number_lookup
    WHERE account_id = :account AND phone = :phone AND answer <> ''
UNION ALL SELECT 'suppressed', reason, NULL, NULL FROM phone_suppression
    WHERE account_id = :account AND phone = :phone AND channel = :channel
UNION ALL SELECT * FROM (SELECT 'told', wish, CAST(NULL AS TEXT) AS b, at {_LATEST}
    AND account_id || '' = :account {_LAST}) AS told
UNION ALL SELECT * FROM (SELECT 'heard', wish, CAST(NULL AS TEXT) AS b, at {_LATEST}
    AND account_id IS NULL AND sender = COALESCE(({_SENDER} WHERE account_id = :account), :shared)
    {_LAST}) AS heard
UNION ALL SELECT 'consent', CASE WHEN written THEN 'written' ELSE '' END, NULL, given_at
    FROM consent WHERE customer_id = :customer AND phone = :phone AND revoked_at IS NULL
    AND given_at <= :now AND CAST(channels AS TEXT) LIKE :channel_within
UNION ALL SELECT 'asked', contact_request ->> 'channel', contact_request ->> 'phone', NULL
    FROM customer WHERE id = :customer AND contact_request IS NOT NULL
UNION ALL SELECT 'lives', CAST(address AS TEXT), time_zone, NULL FROM customer WHERE id = :customer
UNION ALL SELECT 'hold', kind, NULL, until FROM hold
    WHERE customer_id = :customer AND lifted_at IS NULL AND (until IS NULL OR until > :now)
UNION ALL SELECT 'paused', NULL, NULL, NULL FROM brake
    WHERE account_id IN ('', :account) AND what = :what AND paused
UNION ALL SELECT 'processing', NULL, NULL, NULL FROM payment
    WHERE invoice_id = :invoice AND status = 'processing'
UNION ALL SELECT 'processing', NULL, NULL, NULL FROM payment_confirmation AS c
    JOIN payment_attempt AS a ON a.id = c.attempt_id
    WHERE a.invoice_id = :invoice AND c.state = 'requested'
UNION ALL SELECT 'promised', NULL, NULL, decided_from FROM promise
    WHERE invoice_id = :invoice AND state = 'open'
UNION ALL SELECT 'sms', {_NAMED}, 'sent', sent_at FROM message
    WHERE account_id = :account AND to_number = :phone AND sent_at > :remembered
UNION ALL SELECT 'sms', {_NAMED}, 'sent', sent_at FROM message
    WHERE customer_id = :customer AND to_number <> :phone AND sent_at > :remembered
UNION ALL SELECT {_CALL} WHERE c.account_id = :account AND c.to_number = :phone
    AND c.attempted_at > :remembered
UNION ALL SELECT {_CALL} WHERE c.customer_id = :customer AND c.to_number <> :phone
    AND c.attempted_at > :remembered
{_BY_HAND}
UNION ALL SELECT 'tally', NULL, NULL, count FROM daily_tally
    WHERE account_id = :account AND what = :what AND day = :day
UNION ALL SELECT 'ceiling', NULL, NULL, ceiling FROM daily_ceiling
    WHERE account_id = :account AND what = :what
"""
BOOKS_ONLY = _named(_BOOKS)
ALL = _named(_BOOKS + _PERSON)


@dataclass(slots=True)
class Lines:
    """The facts, grouped by name."""

    by_fact: dict[str, list[tuple[str, str, int | None]]] = field(default_factory=dict)

    def all(self, fact: str) -> list[tuple[str, str, int | None]]:
        """All rows of this fact: two words and a number each."""
        return self.by_fact.get(fact, [])

    def words(self, fact: str) -> tuple[str, str]:
        """The words of its first row, or empty strings."""
        first = self.all(fact)
        return first[0][:2] if first else ("", "")

    def number(self, fact: str) -> int | None:
        """The number of its first row, or None."""
        first = self.all(fact)
        return first[0][2] if first else None

    def listed(self, fact: str) -> tuple[str, ...]:
        """The list stored as JSON in the second word of its first row."""
        return tuple(json.loads(self.words(fact)[1] or "[]"))


def moment(micros: int | None) -> datetime | None:
    """Convert microseconds since the epoch to a time."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def books_lines(invoice_id: str, stripe_account: str, real: datetime) -> Lines:
    """The facts about the books: `read`, when the list of events was last read; `behind`, if events
    are unprocessed.
    """
    return _read(BOOKS_ONLY, _about_books(invoice_id, stripe_account, real))


def all_lines(
    invoice_id: str, stripe_account: str, real: datetime, now: datetime, **about: str
) -> Lines:
    """All facts. `about`: account, customer, phone, channel, what, day, and the `shared` sender."""
    more = about | {
        **{channel: f"{channel}:{about['phone']}" for channel in CHANNELS},
        "channel_within": f'%"{about["channel"]}"%',
        "now": to_micros(now),
        "remembered": to_micros(now - REMEMBERED),
    }
    return _read(ALL, _about_books(invoice_id, stripe_account, real) | more)


def _about_books(invoice_id: str, stripe_account: str, real: datetime) -> dict[str, Any]:
    return {
        "invoice": invoice_id,
        "stripe": stripe_account,
        "backlog": to_micros(real - BACKLOG),
        "forgiven": to_micros(real - FORGIVEN),
        "invoice_within": f"%{invoice_id}%",
        "any": "%",
        **{f"unnamed{place}": f"{prefix}%" for place, prefix in enumerate(UNNAMED)},
    }


def _read(statement: tuple[str, tuple[str, ...]], values: Mapping[str, Any]) -> Lines:
    sql, names = statement
    found = Lines()
    for fact, first, second, number in execute(sql, [values[name] for name in names]).fetchall():
        found.by_fact.setdefault(fact, []).append((first or "", second or "", number))
    return found
