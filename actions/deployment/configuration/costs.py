"""What going live costs, and which numbers are for sale. Twilio is asked, which costs nothing.

Prices are cached in this process, since they change monthly. Numbers are not, since another buyer
can take them at any moment.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from actions.deployment.deploy import setup_fee_due
from models.accounts.account import Account
from models.deployment.setup import Setup
from providers.errors import ProviderError
from providers.twilio.numbers import AvailableNumber, search_numbers
from providers.twilio.prices import EMERGENCY_ADDRESS, Price, monthly_number_price
from rules.deployment.readiness import NO_ADDRESS
from runtime.errors import Refused
from runtime.log import get_log

COUNTRY = "US"
MOST_NUMBERS = 20
KEPT = 3600.0  # seconds that a price is cached
RETRY_AFTER = 5  # seconds
WITH_A_NUMBER = frozenset({"forwarded", "ported"})

Answer = TypeVar("Answer")
log = get_log("deployment")


@dataclass(frozen=True, slots=True)
class Monthly:
    """The monthly price of something."""

    what: str
    price: Price


@dataclass(frozen=True, slots=True)
class Costs:
    """What Deploy charges now, the monthly costs, and notes."""

    due_now: Price
    monthly: list[Monthly]
    notes: list[str]


class _Prices:
    """A cache of monthly number prices by country."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Price | None]] = {}

    def of(self, country: str) -> Price | None:
        """Return what a number costs a month. Raises ProviderError if it is not cached and Twilio
        does not answer.
        """
        with self._lock:
            asked_at, price = self._known.get(country, (-KEPT, None))
        if time.monotonic() - asked_at < KEPT:
            return price
        price = monthly_number_price(country)
        with self._lock:
            self._known[country] = time.monotonic(), price
        return price

    def forget(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._known.clear()


PRICES = _Prices()


def preview_costs(account: Account) -> Costs:
    """Return what deploying this configuration costs. Raises Refused `provider_unavailable`."""
    setup = Setup.of(account.id)
    method = setup.phone_integration_method if setup else None
    settings = setup.phone_integration_settings if setup else {}
    amount, currency = setup_fee_due(account.id)
    monthly, notes = [], []
    if method in WITH_A_NUMBER:
        price = _ask_twilio(lambda: PRICES.of(COUNTRY))
        if price is not None:
            monthly.append(Monthly("Phone number", price))
        if settings.get("serviceAddress"):
            monthly.append(Monthly("Emergency address", EMERGENCY_ADDRESS))
        else:
            notes.append(NO_ADDRESS)
    return Costs(Price(amount, currency), monthly, notes)


def numbers_to_choose_from(**wanted: str) -> tuple[list[AvailableNumber], Price | None]:
    """Return numbers by `area_code`, `contains` or `locality`, and their monthly price. A search
    reserves nothing. Raises Refused `provider_unavailable` or `provider_refused`.
    """
    numbers = _ask_twilio(
        lambda: search_numbers(country=COUNTRY, limit=MOST_NUMBERS, **_given(wanted))
    )
    return numbers, _ask_twilio(lambda: PRICES.of(COUNTRY))


def _given(wanted: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value}


def _ask_twilio(ask: Callable[[], Answer]) -> Answer:
    """Return Twilio's answer. Raises Refused instead of ProviderError."""
    try:
        return ask()
    except ProviderError as error:
        log.warning("Twilio request failed", outcome=error.outcome, code=error.code)
        if error.outcome == "refused":
            raise Refused(
                "provider_refused", f"Twilio refused the search: {error} {error.advice}".strip()
            ) from error
        raise Refused(
            "provider_unavailable",
            "Twilio did not answer in time. Nothing was bought or charged; try again.",
            retry_after=RETRY_AFTER,
        ) from error
