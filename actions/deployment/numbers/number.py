"""A clinic's number: one slot for each account; chosen, bought once, released again.

A deployment and a stand-alone purchase share the slot, the guard and the effects.
"""

from dataclasses import dataclass
from typing import Any

from effects.deployment.twilio.number import NUMBER_PURCHASE, NUMBER_RELEASE
from effects.deployment.vapi.number_texts import call_webhooks, text_webhooks
from effects.kinds import kind_of
from effects.reserve import reserve_for_account
from models.accounts.audit_entry import SYSTEM, AuditEntry
from models.delivery.stage import stage_again
from models.delivery.staged_job import find_staged
from models.deployment.deployment import Deployment
from models.deployment.installation import tagged
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from models.effects.effect import Effect
from models.transactions import serialize_on
from providers.errors import ProviderError
from providers.twilio.numbers import AvailableNumber, find_number, search_numbers
from providers.twilio.refusals import ADDRESS_REQUIRED, GONE, advice_for
from rules.contact.places import is_american
from runtime.clock import real_now
from runtime.ids import new_id
from runtime.log import get_log

FAILED = "Failed to purchase phone number. Please verify your payment method."
OF_OTHERS = (
    "Twilio answered with a number that is already in use in the same Twilio account. Choose"
    " another one."
)
MOST_TRIES = 5
CANDIDATES = 20
WISHES = ("phoneNumber", "areaCode")
NOT_SOLD = (
    "{number} is not a US number. Numbers of other countries require a regulatory bundle, which"
    " this release cannot submit; choose a US number."
)

log = get_log("deployment")


@dataclass(frozen=True, slots=True)
class Choice:
    """Numbers that can be bought, best first; or why there is none, and what to do.
    `needs_address`: they are sold only to buyers who give an address.
    """

    numbers: tuple[str, ...] = ()
    needs_address: bool = False
    code: str = ""
    error: str = ""


def line_for(
    account_id: str, wanted: dict[str, Any], asked_by: str, step_id: str = ""
) -> PhoneLine:
    """Return the line in the account's slot, reserving a free one. Needs a transaction."""
    serialize_on(f"line:{account_id}")
    held = PhoneLine.of(account_id)
    if held is not None:
        return held
    now = real_now()
    line: PhoneLine = PhoneLine.create(
        id=new_id("ln"),
        account=account_id,
        wanted=wanted,
        asked_by=asked_by,
        step_id=step_id,
        created_at=now,
        updated_at=now,
    )
    AuditEntry.record(asked_by, "number.requested", f"phone_line:{line.id}", account_id)
    return line


def wanted_number(deployment: Deployment, setup: Setup) -> dict[str, Any]:
    """Return the wanted number or area code: Deploy's own wish, otherwise the configured one."""
    settings = setup.phone_integration_settings
    configured = {name: settings[name] for name in WISHES if name in settings}
    return dict(deployment.wanted) or configured


def choose_number(wanted: dict[str, Any], has_address: bool) -> Choice:
    """Search Twilio for wanted numbers. Raises ProviderError if Twilio is unavailable."""
    chosen, area = wanted.get("phoneNumber", ""), wanted.get("areaCode", "")
    try:
        if chosen:
            return _chosen(chosen, has_address)
        found = search_numbers(area_code=area, limit=CANDIDATES)
    except ProviderError as error:
        if error.outcome != "refused":
            raise
        why = error.advice or advice_for(error.code) or str(error)
        return Choice(code=error.code, error=why)
    if not found:
        where = f"area code {area}" if area else "the country"
        why = f"Twilio has no number left in {where}; choose another."
        return Choice(code="no_numbers", error=why)
    return Choice(tuple(each.e164 for each in found))


def _chosen(number: str, has_address: bool) -> Choice:
    """Check whether one number is for sale now. The search allows those that need an address, which
    it would otherwise hide.
    """
    if not is_american(number):
        return Choice(code="number_not_sold", error=NOT_SOLD.format(number=number))
    found = search_numbers(contains=number.removeprefix("+"), with_address=True, limit=1)
    offer = next((each for each in found if each.e164 == number), None)
    if offer is None:
        return Choice(code="number_gone", error=_gone(number, search_numbers(near=number, limit=3)))
    needs_address = offer.address_requirements != "none"
    if offer.address_requirements == "foreign" or (needs_address and not has_address):
        return Choice(code="address_required", error=advice_for(next(iter(ADDRESS_REQUIRED))))
    return Choice((number,), needs_address)


def _gone(chosen: str, near: list[AvailableNumber]) -> str:
    others = ", ".join(each.e164 for each in near)
    return f"{chosen} has been taken." + (f" Nearby numbers: {others}." if others else "")


def plan_purchase(line: PhoneLine, choice: Choice | None = None) -> Effect | None:
    """Return the purchase that is under way, or that of the first number of `choice` which no other
    account holds; None when there is nothing to buy yet. The line is locked.
    """
    if line.state != "reserved" or line.error_code:
        return None
    if line.e164 is None and not _hold(line, choice):
        return None
    settings = {
        "friendly_name": tagged(line.id),
        **text_webhooks(),
        **call_webhooks(),
    }
    if line.wanted.get("emergencyAddressSid"):
        settings["emergency_address_sid"] = line.wanted["emergencyAddressSid"]
    if line.wanted.get("needsAddress"):
        settings["address_sid"] = line.wanted["emergencyAddressSid"]
    return reserve_for_account(
        NUMBER_PURCHASE,
        f"{line.id}:{line.tries}",
        {"phone_number": line.e164, "settings": settings},
        line.account_id,
        line.asked_by,
        "the number of the clinic's receptionist",
    )


def _hold(line: PhoneLine, choice: Choice | None) -> bool:
    """Hold a number in the line, so that no other account buys it. Return whether one is held."""
    if choice is None:
        return False
    now = real_now()
    for number in choice.numbers:
        serialize_on(f"number:{number}")  # two accounts must not hold the same number
        if PhoneLine.holder(number) is None:
            wanted = line.wanted | ({"needsAddress": True} if choice.needs_address else {})
            line.record(now, e164=number, tries=line.tries + 1, wanted=wanted)
            return True
    code = choice.code or "number_gone"
    why = choice.error or "Other clinics have just taken these numbers. Choose another."
    line.record(now, error_code=code, error=why)
    return False


def record_bought(line: PhoneLine, effect: Effect, made: dict[str, Any]) -> None:
    """Record that the number is ours, if it carries the line's tag; otherwise free the slot."""
    now = real_now()
    effect.record_confirmed(made["id"], kind_of(effect).kept(made), now)
    if made["friendly_name"] != tagged(line.id):
        line.record(now, error_code="number_of_others", error=OF_OTHERS)
        record_no_number(line)
        return
    line.record(now, state="owned", twilio_sid=made["id"], text_live=True)
    AuditEntry.record(
        SYSTEM, "number.bought", f"phone_line:{line.id}", line.account_id, sid=made["id"]
    )
    if line.step_id:
        bought = f"[Receptionist] Successfully purchased phone number: {made['phone_number']}"
        log.info(bought)
    else:
        log.info("[Twilio API] Successfully purchased phone number")
    _stage_waiting_step(line)


def record_not_bought(line: PhoneLine, effect: Effect) -> bool:
    """Record that Twilio refused this number. Return whether to try another one.

    Ignored if the number has been replaced since, as when a worker was delayed.
    """
    if line.state != "reserved" or effect.key != f"{effect.kind}:{line.id}:{line.tries}":
        return False
    code = effect.error_code or "refused"
    now = real_now()
    if code in GONE and not line.wanted.get("phoneNumber") and line.tries < MOST_TRIES:
        line.record(now, e164=None)
        return True
    line.record(now, error_code=code, error=advice_for(code) or effect.error or "")
    record_no_number(line)
    return False


def record_no_number(line: PhoneLine) -> None:
    """Record that no number can be bought for this line, and free its slot."""
    if line.state != "reserved" or not line.error_code:
        return
    asked_by = "Receptionist" if line.step_id else "Twilio API"
    failed = f"[{asked_by}] Phone purchase failed"
    log.error(failed, code=line.error_code)
    line.record(real_now(), state="refused", holds_slot=False)
    AuditEntry.record(
        SYSTEM,
        "number.refused",
        f"phone_line:{line.id}",
        line.account_id,
        code=line.error_code,
    )
    _stage_waiting_step(line)


def has_given_up(line: PhoneLine) -> bool:
    """Whether no job will try to buy the line's number any more."""
    buying = find_staged("purchase_number", line.id)
    return buying is None or buying.state not in {"waiting", "running"}


def release(line: PhoneLine, asked_by: str) -> None:
    """Stage the release of the line's number, including one that might have been bought without our
    knowing. The line is locked.
    """
    if line.state in {"owned", "reserved"}:
        line.record(real_now(), state="releasing", voice_live=False, text_live=False)
        AuditEntry.record(
            asked_by, "number.release_requested", f"phone_line:{line.id}", line.account_id
        )
    stage_again("release_number", line.id, line.id, fair_to=line.account_id)


def find_unknown(line: PhoneLine) -> str:
    """Return the sid of a number that was bought for the line without our knowing, found by its
    tag; '' if none.
    """
    found = find_number(tagged(line.id))
    return str(found["id"]) if found is not None else ""


def plan_release(line: PhoneLine, sid: str = "") -> Effect | None:
    """Return the effect that releases the line's number, or `sid` if the line knows none; None when
    there is nothing to release.
    """
    if line.twilio_sid is None and sid:
        line.record(real_now(), twilio_sid=sid)
    if line.twilio_sid is None:
        return None
    where = "account_id = ? AND kind = ? AND key LIKE ? AND state = 'refused'"
    refused = len(Effect.all(where, line.account_id, NUMBER_RELEASE.name, f"%:{line.id}%"))
    return reserve_for_account(
        NUMBER_RELEASE,
        f"{line.id}:{refused}" if refused else line.id,
        {"sid": line.twilio_sid, "phone_number": line.e164},
        line.account_id,
        SYSTEM,
        "the receptionist is taken down",
    )


def record_released(line: PhoneLine, effect: Effect | None) -> None:
    """Record that the number is gone for good, or never existed, and free the slot."""
    now = real_now()
    if effect is not None:
        effect.record_confirmed(line.twilio_sid or "", {"id": line.twilio_sid}, now)
    line.record(now, state="released", holds_slot=False)
    AuditEntry.record(SYSTEM, "number.released", f"phone_line:{line.id}", line.account_id)
    _stage_waiting_step(line)


def record_not_released(line: PhoneLine, effect: Effect) -> None:
    """Record that Twilio refuses to release the number, which an operator must settle."""
    line.record(real_now(), error_code=effect.error_code or "refused", error=effect.error or "")
    _stage_waiting_step(line)


def _stage_waiting_step(line: PhoneLine) -> None:
    """Stage the step that waits for the number."""
    if not line.step_id:
        return
    if line.state in {"releasing", "released"}:
        stage_again("undo_deployment_step", line.step_id, line.step_id, fair_to=line.account_id)
    else:
        stage_again("deploy_account", line.step_id, line.step_id, fair_to=line.account_id)
