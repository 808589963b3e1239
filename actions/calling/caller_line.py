"""What a clinic calls from: its live number, and the assistants that speak."""

from dataclasses import dataclass

from actions.deployment.configuration.clinic import clinic_of
from models.accounts.account import Account
from models.deployment.installation import tagged
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.deployment.setup import Setup
from rules.deployment.card_entry import render_card_entry
from rules.deployment.rendering import Json
from rules.deployment.squad import Member
from runtime.errors import Refused


@dataclass(frozen=True, slots=True)
class CallerLine:
    """A number of the account's that Vapi calls from, and the assistants that speak there."""

    number: str
    phone_number_id: str
    payments: Member
    receptionist: Member
    card_entry: Json | None


def caller_line(account_id: str) -> CallerLine | None:
    """What the account calls from, or None while it has no live number for outbound calls (a SIP
    trunk takes none) or lacks an assistant.
    """
    line = PhoneLine.of(account_id)
    if line is None or line.state != "owned" or not line.voice_live or not line.vapi_id:
        return None
    if line.source == "sip":
        return None
    payments, receptionist = (_member(account_id, name) for name in ("payments", "receptionist"))
    if payments is None or receptionist is None:
        return None
    clinic = clinic_of(Account.get_by_id(account_id), Setup.one("account_id = ?", account_id))
    entry = render_card_entry(clinic) if clinic.keypad_payments else None
    return CallerLine(line.e164 or "", line.vapi_id, payments, receptionist, entry)


def no_caller_number() -> Refused:
    """The refusal for an account that has no number to call from."""
    return Refused(
        "no_caller_number",
        "The account has no live number to call from. Deploy it with a phone number first; a SIP"
        " trunk takes no outbound calls.",
    )


def _member(account_id: str, name: str) -> Member | None:
    made = Resource.named(account_id, name)
    return None if made is None else Member(made.provider_id, tagged(made.id), made.version)
