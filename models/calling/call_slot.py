"""How many calls may be under way at once: each one holds a slot, which comes back by itself."""

from datetime import datetime
from itertools import count

from peewee import IntegerField, TextField

from models.base import Instant, Row, to_micros
from models.calling.waiting_calls import wake_waiting
from models.transactions import after_commit, execute, is_postgres, serialize_on

_KEY = "call_slots"


class CallSlot(Row):
    """One slot that a call holds, until the call is over, or until `leased_until` if nobody ever
    says so. A slot without a row is free.
    """

    number = IntegerField(primary_key=True)
    call_id = TextField(unique=True)
    leased_until = Instant()

    @classmethod
    def lease(cls, call_id: str, until: datetime, now: datetime, most: int | None = None) -> bool:
        """Give the call a slot, unless `most` are taken; whether it has one. A call that is there
        whatever we decide has one without a `most`. Needs an open transaction, and commits with
        what decides on the call.
        """
        serialize_on(_KEY)
        lock = " FOR UPDATE SKIP LOCKED" if is_postgres() else ""
        execute(  # one that another gives back just now is not waited for: it may wait for us
            "DELETE FROM call_slot WHERE number IN (SELECT number FROM call_slot WHERE leased_until"
            f" <= ? OR call_id = ?{lock})",
            (to_micros(now), call_id),
        )
        rows = cls.all("number > 0")
        if most is not None and sum(row.leased_until > now for row in rows) >= most:
            return False
        taken = {row.number for row in rows}
        free = next(number for number in count(1) if number not in taken)
        cls.create(number=free, call_id=call_id, leased_until=until)
        return True

    @classmethod
    def give_back(cls, call_id: str) -> None:
        """The call is over, or was never placed: one that waits for a slot may have it. Needs an
        open transaction.
        """
        if execute("DELETE FROM call_slot WHERE call_id = ?", (call_id,)).rowcount:
            after_commit(wake_waiting, call_id)
