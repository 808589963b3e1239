"""A sender's registration with the carriers, derived from Twilio's campaign, brand or toll-free
verification; pure.

Statuses of Twilio's that we do not know count as not yet approved, so that no text is sent on a
guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["approved", "pending", "unregistered", "rejected"]
WORST_LAST: tuple[State, ...] = ("approved", "pending", "unregistered", "rejected")
TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})
AMERICAN = 12  # the length of +1 and ten digits

# Twilio's own codes, twilio.com/docs/api/errors
UNREGISTERED = "30034"
UNVERIFIED = "30032"
ADVICE = {
    "30943": "The campaign was judged to collect other companies' debts, and cannot be submitted"
    " again. Register a new one for the clinic's own brand, with texts about its own bills, or stop"
    " using texts.",
    "30863": "The verification was judged to be for collecting other companies' debts, and cannot"
    " be submitted again. Use a number registered for the clinic's own brand, or stop using texts.",
    UNREGISTERED: "Carriers block texts from a number without a registered campaign. Register the"
    " clinic's brand and campaign in the Twilio console, and add the number to its messaging"
    " service.",
    UNVERIFIED: "Carriers block texts from a toll-free number that is not verified. Request its"
    " verification in the Twilio console.",
    "30896": "The privacy policy given must say that phone numbers are not shared. Add that, and"
    " submit again.",
}
MEND = "Correct it in the Twilio console, and submit again."
FINAL = "It cannot be submitted again: use another number, or ask Twilio's support."
WAIT = "It is being reviewed: check again tomorrow."
EMPTY = "The messaging service has no number: add the clinic's number to it."

_CAMPAIGNS: dict[str, State] = {"VERIFIED": "approved", "FAILED": "rejected"}
_CAMPAIGNS |= dict.fromkeys(("SUSPENDED", "DELETED", "EXPIRED"), "rejected")
_BRANDS: dict[str, State] = {"APPROVED": "approved", "FAILED": "rejected"}
_BRANDS |= dict.fromkeys(("SUSPENDED", "DELETION_PENDING", "DELETION_FAILED"), "rejected")
_VERIFICATIONS: dict[str, State] = {"TWILIO_APPROVED": "approved", "TWILIO_REJECTED": "rejected"}


@dataclass(frozen=True, slots=True)
class Submission:
    """Twilio's view of one submission: its status, and the code and words of a refusal. `final`: it
    cannot be resubmitted.
    """

    status: str
    code: str = ""
    words: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """A sender's registration; `code` is Twilio's if there is one, `reason` tells people what to
    do.
    """

    state: State
    code: str = ""
    reason: str = ""


APPROVED = Registration("approved")
NO_CAMPAIGN = Registration("unregistered", UNREGISTERED, ADVICE[UNREGISTERED])
NO_VERIFICATION = Registration("unregistered", UNVERIFIED, ADVICE[UNVERIFIED])
NO_NUMBERS = Registration("unregistered", "", EMPTY)


def is_toll_free(e164: str) -> bool:
    """Whether a number needs verification, rather than a campaign."""
    return e164.startswith("+1") and e164[2:5] in TOLL_FREE


def needs_registration(e164: str) -> bool:
    """Whether the carriers require registration: for full North American numbers only."""
    return e164.startswith("+1") and len(e164) == AMERICAN


def of_campaign(campaign: Submission, brand: Submission | None) -> Registration:
    """The registration of a campaign, which is no better than its brand. If the brand cannot be
    read (None), the campaign alone counts, because carriers approve no campaign of an unknown
    brand.
    """
    found = [_judged("campaign", campaign, _CAMPAIGNS)]
    return worst([_judged("brand", brand, _BRANDS), *found] if brand is not None else found)


def of_verification(said: Submission) -> Registration:
    """The registration of a toll-free number, from its verification."""
    return _judged("verification", said, _VERIFICATIONS)


def worst(found: Sequence[Registration]) -> Registration:
    """The worst of several registrations, because a service sends from any of its numbers."""
    return max(found, key=lambda each: WORST_LAST.index(each.state), default=APPROVED)


def _judged(what: str, said: Submission, states: dict[str, State]) -> Registration:
    state = states.get(said.status.upper(), "pending")
    if state == "approved":
        return APPROVED
    reason_given = f": {said.words.rstrip('.')}" if said.words else ""
    known = ADVICE.get(said.code)
    advice = known or (WAIT if state == "pending" else FINAL if said.final else MEND)
    status = said.status.lower().replace("_", " ") or "without a status"
    return Registration(state, said.code, f"The {what} is {status}{reason_given}. {advice}")
