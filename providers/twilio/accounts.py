"""Our own Twilio account: whether it is active, and whether it is still a trial."""

from dataclasses import dataclass

from providers.twilio.client import client, mapped_errors, word
from runtime.settings import get_settings


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """`status` is active, suspended or closed; `type` is Trial or Full. A trial account can have
    one number, and can text and call only numbers it has verified.
    """

    status: str
    type: str

    @property
    def is_trial(self) -> bool:
        """Whether the account must be upgraded before a clinic goes live on it."""
        return self.type == "Trial"


def fetch_account() -> OwnAccount:
    """Fetch the account. The rest of the answer is dropped, because it holds the auth token."""
    with mapped_errors():
        account = client().api.v2010.accounts(get_settings().twilio_account_sid).fetch()
        return OwnAccount(word(account.status), word(account.type))
