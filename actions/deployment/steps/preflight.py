"""Find what would make the deployment fail, before anything is charged."""

from actions.deployment.numbers.number import FAILED, choose_number, wanted_number
from actions.deployment.step import Done, Fail, Json, Plan, Run, StepKind
from actions.deployment.steps.fee import no_card
from actions.deployment.steps.port.port_document import MISSING, document_of
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.deployment.phone_line import PhoneLine
from models.transactions import serialize_on
from providers.errors import ProviderError, none_if_missing
from providers.twilio.accounts import fetch_account
from providers.twilio.numbers import get_number
from providers.twilio.porting import portability
from providers.twilio.refusals import NOT_FOUND
from rules.deployment.porting import why_not_portable
from rules.money import no_fee
from runtime.log import get_log
from runtime.settings import Settings, get_settings

TITLE = "Deployment cannot start yet."
TRIAL = (
    "The Twilio account is a trial, which cannot serve a clinic. Upgrade it in the Twilio console,"
    " under Billing, and deploy again. Nothing was charged."
)
CLOSED = (
    "The Twilio account is {status}. Ask the operator of this installation to check it in the"
    " Twilio console, and deploy again. Nothing was charged."
)

FEE = (
    "The setup fee cannot be charged: {why}. Ask the operator of this installation to change"
    " SETUP_FEE, then deploy again. Nothing was charged."
)
CIRCLE = (
    "{clinic} is the number of a receptionist here, so calls to it would loop. Give your clinic's"
    " own number, and deploy again. Nothing was charged."
)

OTHER_LINE = (
    "The account already has the number {number}, by another way for calls to arrive. Take its"
    " receptionist down, or choose that way again; then deploy. Nothing was charged."
)
OTHER_NUMBER = (
    "The account already has the ported number {number}, and can have only one. Give that number"
    " again, or ask the operator of this installation to release it; then deploy. Nothing was"
    " charged."
)
LEFT = (
    "{number} is no longer at Twilio, so the receptionist cannot be called. Take it down, then"
    " deploy again. Nothing was charged."
)
LEAVING = (
    "{number} is being released at Twilio as requested. Deploy again once the account no longer has"
    " it. Nothing was charged."
)
NEEDS_PIN = (
    "Your carrier requires your account number and PIN to release the number. Save both in the"
    " phone settings, and deploy again. Nothing was charged."
)
TAKEN = (
    "{number} is the number of another receptionist here. Give your clinic's own number, and deploy"
    " again; or, if it is yours, ask the operator of this installation. Nothing was charged."
)
# the setting that has the clinic's own number
OWN = {"forwarded": "clinicNumber", "sip": "clinicNumber", "ported": "phoneNumber"}
SOURCES = {"forwarded": "bought", "sip": "sip", "ported": "ported"}

log = get_log("deployment")


def _look(run: Run) -> Json:
    if missing_settings(get_settings()):
        return {}
    account = fetch_account()
    seen: Json = {"status": account.status, "is_trial": account.is_trial}
    line = PhoneLine.of(run.account.id)
    if line is not None:
        if not _has_left(line):
            return seen
        seen["left"] = line.id
    settings = run.setup.phone_integration_settings
    if run.deployment.method == "ported":
        return seen | {"port": _portability(settings.get("phoneNumber", ""))}
    if not any(step.name == "number" for step in run.steps):
        return seen
    choice = choose_number(
        wanted_number(run.deployment, run.setup), bool(settings.get("serviceAddress"))
    )
    return seen | {"choice": choice}


def _has_left(line: PhoneLine) -> bool:
    """Whether the account's number is no longer at Twilio."""
    if line.state != "owned" or not line.twilio_sid:
        return False
    return none_if_missing(NOT_FOUND, get_number, line.twilio_sid) is None


def _portability(number: str) -> Json:
    """Whether a number can be ported. One for which Twilio refuses the check cannot."""
    try:
        return portability(number)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        return {"portable": False, "code": error.code, "reason": str(error), "needs_pin": False}


def _plan(run: Run, seen: Json) -> Plan:
    missing = missing_settings(get_settings())
    if missing:
        names = ", ".join(missing)
        why = f"This installation lacks {names}. Ask its operator to set that, then deploy again."
        return Fail("not_configured", TITLE, f"{why} Nothing was charged.")
    if no_fee(run.deployment.fee, run.deployment.fee_currency):
        why = no_fee(run.deployment.fee, run.deployment.fee_currency)
        return Fail("not_configured", TITLE, FEE.format(why=why))
    wrong = (
        _free_left_number(run, seen)
        or _twilio_trouble(run, seen)
        or _being_released(run)
        or _conflicting_line(run)
        or _no_number(seen)
        or _not_portable(run, seen)
    )
    if wrong is not None:
        return wrong
    if not run.setup.may_pay:
        return no_card(run)
    log.info("[Receptionist] Payment method verified, proceeding with deployment")
    return Done()


def _free_left_number(run: Run, seen: Json) -> Fail | None:
    """Free the slot of a number that has left Twilio, so that it can be ported again or another
    method chosen. Fail if it is live.
    """
    if "left" not in seen:
        return None
    serialize_on(f"line:{run.account.id}")
    line = PhoneLine.of(run.account.id)
    if line is None or line.id != seen["left"]:
        return None
    if line.voice_live:
        return Fail("number_released", TITLE, LEFT.format(number=line.e164))
    run.setup.record_port(line.e164, "pending_configuration", run.now)
    line.record(run.now, state="released", holds_slot=False)
    subject = f"phone_line:{line.id}"
    AuditEntry.record(SYSTEM, "number.left", subject, run.account.id, sid=line.twilio_sid)
    return None


def _twilio_trouble(run: Run, seen: Json) -> Fail | None:
    if seen["status"] != "active":
        return Fail("twilio_account", TITLE, CLOSED.format(status=seen["status"]))
    if seen["is_trial"] and PhoneLine.of(run.account.id) is None:
        return Fail("twilio_trial", TITLE, TRIAL)
    return None


def _being_released(run: Run) -> Fail | None:
    """Fail for a ported number that is being released. A bought one is freed by the step that buys
    the next.
    """
    line = PhoneLine.of(run.account.id)
    if line is None or (line.source, line.state) != ("ported", "releasing"):
        return None
    return Fail("number_leaving", TITLE, LEAVING.format(number=line.e164))


def _conflicting_line(run: Run) -> Fail | None:
    """Fail if the account has a line by another method, or calls would loop."""
    line = PhoneLine.of(run.account.id)
    if line is not None and line.source != SOURCES[run.deployment.method]:
        return Fail("other_line", TITLE, OTHER_LINE.format(number=line.e164 or "of its SIP trunk"))
    wanted = run.setup.phone_integration_settings.get("phoneNumber")
    if line is not None and line.source == "ported" and line.e164 != wanted:
        return Fail("other_line", TITLE, OTHER_NUMBER.format(number=line.e164))
    own = run.setup.phone_integration_settings.get(OWN[run.deployment.method])
    holder = PhoneLine.holder(own) if own else None
    is_forwarded = run.deployment.method == "forwarded"
    if holder is None or (not is_forwarded and line is not None and holder.id == line.id):
        return None
    if not is_forwarded:
        return Fail("number_taken", TITLE, TAKEN.format(number=own))
    if holder.source == "sip" and holder.account_id != run.account.id:
        return None  # a number claimed by SIP is not verified, so it must not block another clinic
    return Fail("forwarding_circle", TITLE, CIRCLE.format(clinic=own))


def _no_number(seen: Json) -> Fail | None:
    choice = seen.get("choice")
    if choice is not None and not choice.numbers:
        return Fail(choice.code, FAILED, f"{choice.error} Nothing was charged.")
    return None


def _not_portable(run: Run, seen: Json) -> Fail | None:
    """Fail for a number that cannot be ported, or whose carrier requires more to release it."""
    port = seen.get("port")
    if port is None:
        return None
    if not port["portable"]:
        why = why_not_portable(port["code"], port["reason"])
        return Fail("not_portable", TITLE, f"{why} Nothing was charged.")
    bill = document_of(run)
    if bill is None or not bill.can_be_given:
        return Fail("no_document", TITLE, f"{MISSING} Nothing was charged.")
    settings = run.setup.phone_integration_settings
    if port["needs_pin"] and not (settings.get("sealedPin") and settings.get("accountNumber")):
        return Fail("port_needs_pin", TITLE, NEEDS_PIN)
    return None


def missing_settings(settings: Settings) -> list[str]:
    """Return the names of the settings that going live needs and that are not set."""
    needed = (
        "public_url",
        "stripe_secret_key",
        "twilio_account_sid",
        "twilio_auth_token",
        "vapi_api_key",
        "vapi_webhook_secret",
    )
    return [name.upper() for name in needed if not getattr(settings, name, "")]


PREFLIGHT = StepKind(
    name="preflight", saying="Checking your setup...", look=_look, plan=_plan, lasts=False
)
