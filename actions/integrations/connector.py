"""The one shape of everything that a clinic may connect, whatever kind of credential it takes: what
this product calls a connector, others call an adapter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from rules.integrations.oauth_providers import OAuthProvider
from rules.integrations.opening_hours import Span

Kind = Literal["oauth", "key_pair", "token"]
Values = dict[str, str]  # what is sealed: keys and tokens by name


@dataclass(frozen=True, slots=True)
class Credential:
    """What works now; `expires_at` None: until somebody takes it back."""

    values: Values = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """What free times are asked for: days of the clinic, in its zone, and the moments they span."""

    first: date
    last: date
    zone: ZoneInfo
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Connector:
    """What can be done with one provider; each call outside raises ProviderError.

    `make`: a credential from what the clinic gave (`fields`, `optional`) · `check`: a harmless call
    that tells what was found, in words · `renew`: a fresh credential from the one that was kept ·
    `revoke`: take it back there · `busy` or `slots`: when its calendar is taken, or has openings;
    one at most · `oauth`: for what is connected by consent.
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
