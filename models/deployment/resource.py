"""What deployments have created at providers and not taken down, and what belongs to nothing."""

from typing import Any, Self

from peewee import SQL, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row

EMERGENCY_ADDRESS = "emergency_address"  # one of the names


class Resource(Recorded, Row):
    """A resource of an account at a provider: `made → released`.

    Its id is the tag it carries. `name`: emergency_address, query_tool, receptionist, payments,
    squad, vapi_number. `version` is the provider's. `digest` is that of the content we rendered, to
    detect changes by us or by hand.
    """

    account_id: str
    id = TextField(primary_key=True)
    account = ForeignKey(Account, on_delete="CASCADE")
    deployment_id = TextField()
    provider = TextField()
    name = TextField()
    provider_id = TextField()
    version = TextField(default="")
    digest = TextField(default="")
    state = TextField(default="made")
    created_at = Instant()
    updated_at = Instant()

    class Meta:
        indexes = ((("provider", "provider_id"), False),)

    @classmethod
    def named(cls, account_id: str, name: str) -> Self | None:
        """The account's resource with this name, or None."""
        return cls.one("account_id = ? AND name = ? AND state = 'made'", account_id, name)


Resource.add_index(
    Resource.index(
        Resource.account,
        Resource.name,
        unique=True,
        where=SQL("state = 'made'"),
        name="resource_of_name",
    )
)


class Stray(Row):
    """A resource at a provider that carries this installation's tag but belongs to nothing of ours
    (`orphan`), or one of ours that no longer exists there (`missing`). A person decides what to do
    with it.
    """

    id = TextField(primary_key=True)
    provider = TextField()
    kind = TextField()
    provider_id = TextField()
    tag = TextField(default="")
    what = TextField()
    account_id = TextField(null=True)
    detail = TextField(default="")
    state = TextField(default="open")
    found_at = Instant()
    seen_at = Instant()
    closed_by = TextField(default="")

    class Meta:
        indexes = ((("provider", "kind", "provider_id", "what"), True), (("state", "id"), False))

    def record(self, **values: Any) -> None:
        """Write what became of it."""
        self._write(**values)

    def record_seen(self, **values: Any) -> None:
        """Write what a look found, unless a person is having it released."""
        self._write(only_if="state <> 'releasing'", **values)
