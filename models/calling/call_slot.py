"""How many calls may be under way at once: each holds a leased slot."""

from datetime import datetime
from itertools import count

from peewee import IntegerField, TextField

from models.base import Instant, Row, to_micros
from models.calling.waiting_calls import wake_waiting
from models.transactions import after_commit, execute, is_postgres, serialize_on

_KEY = "call_slots"


class CallSlot(Row):
    """A slot held by a call until the call is over, or until `leased_until` if its end is never
    reported. A slot without a row is free.
    """

    number = IntegerField(primary_key=True)
    call_id = TextField(unique=True)
    leased_until = Instant()

    @classmethod
    def lease(cls, call_id: str, until: datetime, now: datetime, most: int | None = None) -> bool:
        """Lease a slot to the call unless `most` are taken, and return whether it has one.

        Without `most`, e.g. for a call that is already under way, it always gets one. Requires an
        open transaction, and commits together with the decision about the call.
        """
        serialize_on(_KEY)
        lock = " FOR UPDATE SKIP LOCKED" if is_postgres() else ""
        execute(  # skip rows that another transaction is deleting: it may be waiting for us
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
    def release(cls, call_id: str) -> None:
        """Release the slot of a call that is over or was never placed, and wake a call that waits
        for one. Requires an open transaction.
        """
        if execute("DELETE FROM call_slot WHERE call_id = ?", (call_id,)).rowcount:
            after_commit(wake_waiting, call_id)
