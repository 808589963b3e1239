"""The common shape of every provider that a clinic can connect, whatever its kind of credential:
what this product calls a connector, others call an adapter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from rules.integrations.oauth_providers import OAuthProvider
from rules.integrations.opening_hours import Span

Kind = Literal["oauth", "key_pair", "token"]
Values = dict[str, str]  # keys and tokens by name; stored sealed


@dataclass(frozen=True, slots=True)
class Credential:
    """A working credential. `expires_at` None: valid until it is revoked."""

    values: Values = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """The days, in the clinic's zone, to find free times in, and the moments they span."""

    first: date
    last: date
    zone: ZoneInfo
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Connector:
    """What can be done with one provider. Every call outside raises ProviderError.

    `make`: a credential from what the clinic gave (`fields`, `optional`) · `check`: a harmless call
    that returns in words what it found · `renew`: a fresh credential from the stored one ·
    `revoke`: revoke it at the provider · `busy` or `slots`: when the calendar is taken, or has
    openings; at most one of the two · `oauth`: the provider's OAuth settings, if it is connected by
    consent.
    """

    name: str
    title: str
    kind: Kind
    check: Callable[[Values], str]
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    make: Callable[[Values], Credential] | None = None
    renew: Callable[[Values], Credential] | None = None
    revoke: Callable[[Values], None] | None = None
    busy: Callable[[Values, Period], list[Span]] | None = None
    slots: Callable[[Values, Period], list[Span]] | None = None
    oauth: Callable[[], OAuthProvider] | None = None

    @property
    def has_times(self) -> bool:
        """Whether its calendar can be read."""
        return self.busy is not None or self.slots is not None
