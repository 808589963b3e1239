"""What a clinic has configured, and the card that its deployments are charged to."""

from datetime import datetime
from typing import Any, Self

from peewee import SQL, BooleanField, JSONField, TextField

from models.accounts.account import Account
from models.base import ForeignKey, Instant, Recorded, Row, to_micros
from models.transactions import execute
from rules.stripe_mode import is_of_other_mode, other_mode
from runtime.clock import business_now
from runtime.settings import get_settings

SHARED = 3  # accounts with the same card from which on it is flagged

Json = dict[str, Any]

# secrets of the settings, and under which names they are kept sealed
SEALED = {"password": "sealedPassword", "pin": "sealedPin"}


class Setup(Recorded, Row):
    """One account's setup; an account without a row has configured nothing.

    `phone_integration_method`: ported, forwarded, sip, none · `phone_integration_settings`: the
    keys of that method, as the API shows them · `voice`: {provider, voiceId}. `card`: {brand,
    last4, expMonth, expYear, mode} of the payment method, whose mode older releases did not keep;
    `card_fingerprint` is Stripe's,
    `card_good_until` the end of its last month (business time). `card_problem` says why a card that
    was verified is not any more; '' otherwise. `configured_at` is when all
    that can be configured was complete for the first time.
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
        """The account's setup, if it has begun one."""
        return cls.one("account_id = ?", account_id)

    @classmethod
    def locked_for(cls, account_id: str, now: datetime) -> Self:
        """The account's setup, begun now if it was not; locked until the transaction ends."""
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
        """How many accounts have saved the card of this fingerprint."""
        sql = "SELECT COUNT(*) FROM setup WHERE card_fingerprint = ?"
        return int(execute(sql, (fingerprint,)).fetchone()[0])

    @classmethod
    def shared_fingerprints(cls, at_least: int) -> list[tuple[str, int]]:
        """Cards that so many accounts or more have saved: fingerprint and accounts, most first."""
        rows = execute(
            "SELECT card_fingerprint, COUNT(*) FROM setup WHERE card_fingerprint IS NOT NULL"
            " GROUP BY card_fingerprint HAVING COUNT(*) >= ? ORDER BY 2 DESC, 1",
            (at_least,),
        ).fetchall()
        return [(str(fingerprint), int(count)) for fingerprint, count in rows]

    @classmethod
    def to_look_at(cls, moment: datetime, last_id: str, limit: int) -> list[Self]:
        """Verified cards that our key can look at, whose last month was over before `moment`, and
        those of which it is not kept whether they are of test or of live mode; by account, those
        after `last_id`.
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
            # with a blank or without one, as the database writes it
            f'%"mode":%"{elsewhere or "of no key"}"%',
            '%"mode"%',
            limit,
        )

    @property
    def is_of_other_mode(self) -> bool:
        """Whether the card was saved in the mode that our key at Stripe is not of."""
        mode = (self.card or {}).get("mode", "")
        return is_of_other_mode(mode, get_settings().stripe_secret_key)

    @property
    def may_pay(self) -> bool:
        """Whether there is a verified card that has not expired, and that our key can charge."""
        return bool(
            self.payment_method_verified
            and self.stripe_payment_method_id
            and not self.is_of_other_mode
            and (self.card_good_until is None or business_now() < self.card_good_until)
        )

    @property
    def shown_settings(self) -> Json | None:
        """The settings without secrets; None before a method was chosen."""
        if self.phone_integration_method is None:
            return None
        settings = self.phone_integration_settings
        return {name: value for name, value in settings.items() if name not in SEALED.values()}

    def record_port(self, number: str | None, status: str, now: datetime) -> None:
        """How the port of `number` stands: told of no other one that was saved meanwhile."""
        settings = self.phone_integration_settings
        if "portStatus" in settings and settings["phoneNumber"] == number:
            self.record(now, phone_integration_settings=settings | {"portStatus": status})

    @property
    def sealed(self) -> dict[str, str]:
        """The secrets of the settings, as they are kept."""
        settings = self.phone_integration_settings
        return {name: settings[name] for name in SEALED.values() if name in settings}

    @classmethod
    def with_secrets(cls) -> list[Self]:
        """Every setup whose settings hold a secret."""
        methods = ("sip", "ported")
        rows = cls.all("phone_integration_method IN (?, ?) ORDER BY account_id", *methods)
        return [row for row in rows if row.sealed]


# the scan for cards that have expired sees these alone
Setup.add_index(
    Setup.index(
        Setup.card_good_until, where=SQL("payment_method_verified"), name="setup_good_until"
    )
)
