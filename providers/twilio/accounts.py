"""Our own account at Twilio: whether it is in force, and whether it is still a trial."""

from dataclasses import dataclass

from providers.twilio.client import client, mapped_errors, word
from runtime.settings import get_settings


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """`status` is active, suspended or closed; `type` Trial or Full. A trial has one number at
    most, and may text and call nobody but the numbers that it has verified.
    """

    status: str
    type: str

    @property
    def is_trial(self) -> bool:
        """Whether the account must be upgraded before clinics go live with it."""
        return self.type == "Trial"


def fetch_account() -> OwnAccount:
    """The account as it stands. Nothing else of the answer, which holds the token, is kept."""
    with mapped_errors():
        account = client().api.v2010.accounts(get_settings().twilio_account_sid).fetch()
        return OwnAccount(word(account.status), word(account.type))
