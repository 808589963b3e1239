"""What a clinic has configured, and the card charged for its deployments."""

from datetime import datetime
from typing import Any, Self

from peewee import SQL, BooleanField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row, to_micros
from models.transactions import execute
from rules.stripe_mode import is_of_other_mode, other_mode
from runtime.clock import business_now
from runtime.settings import get_settings

SHARED = 3  # a card saved by this many accounts is flagged

Json = dict[str, Any]

# secret settings, and the keys under which they are stored sealed
SEALED = {"password": "sealedPassword", "pin": "sealedPin"}


class Setup(Recorded, Row):
    """The setup of one account; an account without a row has configured nothing.

    `phone_integration_method`: ported, forwarded, sip, none · `phone_integration_settings`: the
    keys of that method, as the API shows them · `voice`: {provider, voiceId}. `card`: {brand,
    last4, expMonth, expYear, mode} of the payment method; older releases did not store the mode.
    `card_fingerprint` is Stripe's, `card_good_until` the end of its last month (business time).
    `card_problem` says why a verified card no longer is; '' otherwise. `configured_at` is when
    everything configurable was complete for the first time.
    """

    account_id: str
    account = ForeignKey(Account, primary_key=True, on_delete="CASCADE")
    phone_integration_method = TextField(null=True)
    phone_integration_settings = JSONField(default=dict)
    voice = JSONField(null=True)
    stripe_customer_id = TextField(null=True, unique=True)
    stripe_payment_method_id = TextField(null=True, index=True)
    payment_method_verified = BooleanField(default=False)
    payment_method_verified_at = Instant(null=True)
    first_verified_at = Instant(null=True)
    card = JSONField(null=True)
    card_fingerprint = TextField(null=True, index=True)
    card_good_until = Instant(null=True)
    card_problem = TextField(default="")
    configured_at = Instant(null=True)
    created_at = Instant()
    updated_at = Instant()

    @classmethod
    def of(cls, account_id: str) -> Self | None:
        """The account's setup, or None."""
        return cls.one("account_id = ?", account_id)

    @classmethod
    def locked_for(cls, account_id: str, now: datetime) -> Self:
        """The account's setup, created if missing, and locked until the transaction ends."""
        cls(
            account=account_id,
            phone_integration_settings={},
            payment_method_verified=False,
            card_problem="",
            created_at=now,
            updated_at=now,
        ).insert_new("account_id")
        return cls.locked(account_id)

    @classmethod
    def with_fingerprint(cls, fingerprint: str) -> int:
        """How many accounts have saved the card with this fingerprint."""
        sql = "SELECT COUNT(*) FROM setup WHERE card_fingerprint = ?"
        return int(execute(sql, (fingerprint,)).fetchone()[0])

    @classmethod
    def shared_fingerprints(cls, at_least: int) -> list[tuple[str, int]]:
        """Cards saved by `at_least` accounts or more: fingerprint and number of accounts, most
        first.
        """
        rows = execute(
            "SELECT card_fingerprint, COUNT(*) FROM setup WHERE card_fingerprint IS NOT NULL"
            " GROUP BY card_fingerprint HAVING COUNT(*) >= ? ORDER BY 2 DESC, 1",
            (at_least,),
        ).fetchall()
        return [(str(fingerprint), int(count)) for fingerprint, count in rows]

    @classmethod
    def to_check(cls, moment: datetime, last_id: str, limit: int) -> list[Self]:
        """Verified cards to check: those readable with our key that expired before `moment`, and
        those saved without their mode (test or live). By account, after `last_id`.
        """
        elsewhere = other_mode(get_settings().stripe_secret_key)
        kept = "card IS NOT NULL AND CAST(card AS TEXT) LIKE ?"
        return cls.all(
            "payment_method_verified AND account_id > ?"
            f" AND ((card_good_until <= ? AND NOT ({kept}))"
            f" OR (stripe_payment_method_id IS NOT NULL AND NOT ({kept})))"
            " ORDER BY account_id LIMIT ?",
            last_id,
            to_micros(moment),
            # with or without a space, depending on the database
            f'%"mode":%"{elsewhere or "of no key"}"%',
            '%"mode"%',
            limit,
        )

    @property
    def is_of_other_mode(self) -> bool:
        """Whether the card was saved in the other mode than that of our Stripe key."""
        mode = (self.card or {}).get("mode", "")
        return is_of_other_mode(mode, get_settings().stripe_secret_key)

    @property
    def may_pay(self) -> bool:
        """Whether there is a verified card that has not expired and that our key can charge."""
        return bool(
            self.payment_method_verified
            and self.stripe_payment_method_id
            and not self.is_of_other_mode
            and (self.card_good_until is None or business_now() < self.card_good_until)
        )

    @property
    def shown_settings(self) -> Json | None:
        """The settings without secrets; None before a method is chosen."""
        if self.phone_integration_method is None:
            return None
        settings = self.phone_integration_settings
        return {name: value for name, value in settings.items() if name not in SEALED.values()}

    def record_port(self, number: str | None, status: str, now: datetime) -> None:
        """Record the status of the port of `number`, unless another number has been saved since."""
        settings = self.phone_integration_settings
        if "portStatus" in settings and settings["phoneNumber"] == number:
            self.record(now, phone_integration_settings=settings | {"portStatus": status})

    @property
    def sealed(self) -> dict[str, str]:
        """The sealed secrets of the settings."""
        settings = self.phone_integration_settings
        return {name: settings[name] for name in SEALED.values() if name in settings}

    @classmethod
    def with_secrets(cls) -> list[Self]:
        """All setups whose settings hold a secret."""
        methods = ("sip", "ported")
        rows = cls.all("phone_integration_method IN (?, ?) ORDER BY account_id", *methods)
        return [row for row in rows if row.sealed]


# for the scan for expired cards
Setup.add_index(
    Setup.index(
        Setup.card_good_until, where=SQL("payment_method_verified"), name="setup_good_until"
    )
)
