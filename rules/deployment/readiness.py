"""What a clinic has configured, what Deploy still needs, and what the review page says; pure.

No step blocks another: each can be configured at any time. Only Deploy requires readiness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.deployment.setup_messages import ADD_PAYMENT, PAYMENT_ADDED, PHONE_DONE, READY

Json = Mapping[str, Any]

# what Twilio's port request needs besides the number, in words
PORT_NEEDS = {
    "authorizedRepresentative": "who may sign for the number (authorizedRepresentative)",
    "authorizedRepresentativeEmail": "their e-mail address (authorizedRepresentativeEmail)",
    "customerType": "whether the number is a business's or a person's (customerType)",
    "serviceAddress": "the address the number is registered at (serviceAddress)",
    "documentId": "a recent bill of the present carrier (documentId)",
}
NO_ADDRESS = (
    "Without the clinic's address (serviceAddress) emergency services cannot see where a 911 call"
    " from this number comes from, and each such call costs $75."
)
OTHER_SIP = "The SIP number and password that were saved last are used from the next Deploy on."
STILL_SEARCHED = (
    "The receptionist can still answer from files that were deleted ({names}), until you deploy"
    " again."
)
NOT_SEARCHED = "The receptionist answers from {names} from the next Deploy on."
OTHER_ADDRESS = (
    "Emergency calls give the address that was registered when the number was set up, not the one"
    " that is saved now: take the receptionist down, and deploy again, to change it."
)


@dataclass(frozen=True, slots=True)
class File:
    """A knowledge file, as shown on the review page."""

    name: str
    state: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Configured:
    """An account's whole setup. `still_searched` names deleted files that the receptionist still
    answers from, `not_searched` files that it does not answer from yet. `may_pay`: it has a
    verified card; `card_problem` says why a card is no longer verified. `other_address`: the
    address registered for emergency calls differs from the saved one; `other_sip`: the trunk's
    number or password does. `connected`: each integration's name, and whether it has expired.
    """

    voice: Json | None = None
    method: str | None = None
    settings: Json = field(default_factory=dict)
    files: Sequence[File] = ()
    still_searched: Sequence[str] = ()
    not_searched: Sequence[str] = ()
    may_pay: bool = False
    card_problem: str = ""
    other_address: bool = False
    other_sip: bool = False
    connected: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the wizard. `missing` is what Deploy still needs from it, in words; `message` is
    the step's status, in promised wording, and `warning` an additional concern.
    """

    complete: bool
    message: str
    missing: tuple[str, ...] = ()
    warning: str = ""


def steps_of(configured: Configured) -> dict[str, Step]:
    """Each step of the wizard, in order."""
    return {
        "voice": _voice(configured.voice),
        "knowledge": _knowledge(configured),
        "integrations": _integrations(configured.connected),
        "phone": _phone(configured),
        "payment": _payment(configured),
    }


def missing_for_deploy(configured: Configured) -> list[str]:
    """Everything that Deploy still needs, in words; empty if the account is ready."""
    return [need for step in steps_of(configured).values() for need in step.missing]


def is_configured(configured: Configured) -> bool:
    """Whether the clinic has made both choices: a voice, and how calls arrive."""
    steps = steps_of(configured)
    return steps["voice"].complete and steps["phone"].complete


def review_message(configured: Configured) -> str:
    """The review page's message: add a payment method, deploy, or what is missing."""
    if not configured.may_pay:
        return ADD_PAYMENT
    missing = missing_for_deploy(configured)
    return f"{PAYMENT_ADDED}\n{missing[0] if missing else READY[configured.method or '']}"


def _voice(voice: Json | None) -> Step:
    if voice is None:  # optional: a receptionist always has one
        return Step(False, "Choose the receptionist's voice; until then it has Vapi's default one.")
    return Step(True, f"The voice is {voice['voiceId']} of {voice['provider']}.")


def _knowledge(configured: Configured) -> Step:
    """Files are optional: those not ready when Deploy is clicked are left out."""
    files = configured.files
    concerns = (
        (STILL_SEARCHED, configured.still_searched),
        (NOT_SEARCHED, configured.not_searched),
    )
    warning = " ".join(words.format(names=", ".join(names)) for words, names in concerns if names)
    if not files:
        no_file = "No file is uploaded; the receptionist answers without one."
        return Step(True, no_file, warning=warning)
    failed = [one for one in files if one.state == "failed"]
    open_ones = [one.name for one in files if one.state in {"waiting", "processing"}]
    if failed:
        lines = "; ".join(f"{one.name}: {one.error}" for one in failed)
        what = f"Delete what failed, or upload it again. {lines}"
        return Step(False, what, warning=warning)
    if open_ones:
        what = f"Still being processed: {', '.join(open_ones)}. Check again in a minute."
        return Step(False, what, warning=warning)
    return Step(True, f"Ready: {', '.join(one.name for one in files)}.", warning=warning)


def _integrations(connected: Mapping[str, bool]) -> Step:
    """Integrations are optional: the receptionist works without an expired one."""
    if not connected:
        return Step(True, "None is connected; the receptionist works without one.")
    good = ", ".join(name for name, expired in connected.items() if not expired)
    gone = ", ".join(name for name, expired in connected.items() if expired)
    lines = (good and f"Connected: {good}.", gone and f"Must be connected again: {gone}.")
    return Step(True, " ".join(filter(None, lines)))


def _phone(configured: Configured) -> Step:
    method, settings = configured.method, configured.settings
    if method in {None, "none"}:
        need = "Choose how calls reach the receptionist: a forwarded or ported number, or SIP."
        return Step(False, need, (need,))
    needs = PORT_NEEDS if method == "ported" else {}
    missing = tuple(
        f"The port needs {words}." for name, words in needs.items() if not settings.get(name)
    )
    if missing:
        return Step(False, " ".join(missing), missing)
    lacks_address = method == "forwarded" and not settings.get("serviceAddress")
    concerns = (
        (lacks_address, NO_ADDRESS),
        (configured.other_address, OTHER_ADDRESS),
        (configured.other_sip, OTHER_SIP),
    )
    warning = next((words for is_so, words in concerns if is_so), "")
    return Step(True, PHONE_DONE[str(method)], warning=warning)


def _payment(configured: Configured) -> Step:
    if configured.may_pay:
        return Step(True, PAYMENT_ADDED)
    need = "Add a payment method."
    if configured.card_problem:
        need = f"Add another payment method: {configured.card_problem}"
    return Step(False, need, (need,))
