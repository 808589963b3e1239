"""Stored answers by idempotency key, so that a repeated POST returns the first answer."""

from peewee import IntegerField, TextField

from models.base import Instant, Row


class IdempotencyKey(Row):
    """An idempotency key of one caller, with a keyed digest of the request and the answer, sealed
    with the caller's own key.
    """

    id = TextField(primary_key=True)
    scope = TextField()
    key = TextField()
    digest = TextField()
    status = IntegerField(null=True)
    answer = TextField(null=True)
    location = TextField(null=True)
    reference = TextField(null=True)
    created_at = Instant()

    class Meta:
        indexes = ((("scope", "key"), True), (("created_at",), False))
