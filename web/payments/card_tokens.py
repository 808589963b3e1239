"""The token of a card form: for which invoice, opened by whom, until when. It is encrypted,
short-lived and stored nowhere.

Its holder can charge a card for that one invoice, and do nothing else.
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
    """One opened form. `opened_by` is the actor who opened it, as in the audit log."""

    invoice_id: str
    opened_by: str
    until: datetime

    @property
    def token(self) -> str:
        """The form as a token for its URL: different each time, and always valid."""
        return seal(json.dumps([PURPOSE, self.invoice_id, self.opened_by, self.until.isoformat()]))

    @property
    def actor(self) -> str:
        """The actor of a charge: the form's holder, who may not be the one who opened it."""
        return f"card_form:{self.opened_by}"


def read_token(token: str, grace: timedelta = timedelta(0)) -> CardForm:
    """The form that `token` opens. Raises Problem 410 if it has expired or is not one of ours."""
    try:
        purpose, invoice_id, opened_by, until = json.loads(unseal(token))
    except (Misconfigured, ValueError):  # not sealed here, or not for a card form
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
