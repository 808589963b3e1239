"""The address of a card form: which invoice, who opened it, until when; sealed, short-lived and
kept nowhere.

Whoever holds it may charge a card for that one invoice, and nothing else.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.clock import real_now
from runtime.errors import Misconfigured
from runtime.secret_box import seal, unseal
from web.http.problems import Problem

LIFE = timedelta(minutes=30)
PURPOSE = "card form"


@dataclass(frozen=True, slots=True)
class CardForm:
    """One opened form. `opened_by` is who asked for it, as the audit names them."""

    invoice_id: str
    opened_by: str
    until: datetime

    @property
    def token(self) -> str:
        """The form as text for an address; another one each time, all of them good."""
        return seal(json.dumps([PURPOSE, self.invoice_id, self.opened_by, self.until.isoformat()]))

    @property
    def actor(self) -> str:
        """Who charges through it: whoever holds it,
        which may be somebody else than who opened it.
        """
        return f"card_form:{self.opened_by}"


def read_token(token: str, grace: timedelta = timedelta(0)) -> CardForm:
    """The form that `token` opens. Raises Problem 410 when it is over or none of ours."""
    try:
        purpose, invoice_id, opened_by, until = json.loads(unseal(token))
    except (Misconfigured, ValueError):  # sealed by nobody here, or for something else
        raise _expired() from None
    form = CardForm(invoice_id, opened_by, datetime.fromisoformat(until))
    if purpose != PURPOSE or form.until + grace <= real_now():
        raise _expired()
    return form


def _expired() -> Problem:
    minutes = int(LIFE.total_seconds() // 60)
    return Problem(
        "card_form_expired",
        f"A card form is valid for {minutes} minutes. Open a new one for the invoice.",
    )
