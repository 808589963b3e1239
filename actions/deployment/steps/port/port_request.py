"""Submit the request to port the clinic's number: from here on the line holds it, and it has at
most one open request.
"""

from datetime import date

from actions.deployment.step import Done, Fail, Json, Plan, Run, Skip, StepKind, UndoPlan
from actions.deployment.step_effects import open_step_effect, reserve_step_effect
from actions.deployment.steps.fee import no_card
from actions.deployment.steps.port.port_document import MISSING, MOVED, document_of, has_moved
from actions.deployment.steps.port.port_outcome import KEPT, NAME, record_end, record_not_moved
from effects.deployment.twilio.port import PORT_REQUEST_CANCEL, PORT_REQUEST_CREATE
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from models.effects.effect import Effect
from models.transactions import serialize_on
from rules.deployment.porting import SOONEST
from rules.deployment.readiness import PORT_NEEDS
from runtime.ids import new_id
from runtime.log import get_log

TITLE = "Failed to submit the port request."
TAKEN = (
    "{number} is the number of another receptionist here. Give your clinic's own number, and deploy"
    " again."
)
OTHER_LINE = (
    "The account already has the number {number}, by another way for calls to arrive or by an open"
    " port request. Take that down, or choose it again; then deploy."
)

LACKING = "The port needs {what}. Save it under the phone's settings, and deploy again."
CHANGED = "Other settings were saved before it was sent."

log = get_log("deployment")


def _plan(run: Run, _seen: Json) -> Plan:
    if has_moved(run):
        return Skip(MOVED)
    begun = open_step_effect(run, PORT_REQUEST_CREATE)
    return _submit(run) if begun is None or _is_outdated(run, begun) else begun


def _is_outdated(run: Run, begun: Effect) -> bool:
    """Whether the request was never sent and other settings have been saved since; it will then not
    be sent.
    """
    document = document_of(run)
    (given,) = begun.request["body"]["documents"]
    bill = (document and document.twilio_sid) or given  # another bill that is not at Twilio yet
    number = run.setup.phone_integration_settings["phoneNumber"]
    is_same = (
        not _lacking(run)
        and begun.request["number"] == number
        and begun.request["body"] == _body(run, bill)
    )
    return not is_same and begun.record_never_sent("configuration_changed", CHANGED, run.now)


def _submit(run: Run) -> Plan:
    _forget_ended_request(run)
    asked, held = Resource.named(run.account.id, NAME), PhoneLine.of(run.account.id)
    if asked is not None and held is not None:  # an earlier request that could not be cancelled
        return Done({"port": asked.provider_id, "line": held.id})
    if not run.setup.may_pay:
        return no_card(run)
    settings = run.setup.phone_integration_settings
    document = document_of(run)
    if document is None or not document.twilio_sid:
        return Fail("no_document", TITLE, MISSING)
    lacking = _lacking(run)
    if lacking:
        return Fail("configuration_changed", TITLE, LACKING.format(what=", ".join(lacking)))
    line = _line(run, settings["phoneNumber"])
    if isinstance(line, Fail):
        return line
    run.step.record(made=run.step.made | {"line": line.id})
    log.info("[Receptionist] Submitting port request (payment verified)")
    request = {
        "account": run.account.id,
        "number": line.e164,
        "body": _body(run, document.twilio_sid),
    }
    tries = str(run.step.made.get("tries", ""))
    why = "the clinic's own number moves to us"
    return reserve_step_effect(run, PORT_REQUEST_CREATE, request, why, about=tries)


def _lacking(run: Run) -> list[str]:
    """Return what the request needs and the settings, saved again since Deploy, no longer have."""
    settings = run.setup.phone_integration_settings
    return [words for name, words in PORT_NEEDS.items() if not settings.get(name)]


def _forget_ended_request(run: Run) -> None:
    """Forget a cancelled or expired port request, so that a retry submits a new one."""
    porting = next(step for step in run.steps if step.name == "porting")
    asked = Resource.named(run.account.id, NAME)
    if not porting.made.get("over"):
        return
    porting.record(made={})
    if asked is not None:
        asked.record(run.now, state="released")


def _line(run: Run, number: str) -> PhoneLine | Fail:
    """Return the account's line with this number in its slot, or the reason why it cannot be."""
    serialize_on(f"line:{run.account.id}", f"number:{number}")  # lock order: line, then number
    line, holder = PhoneLine.of(run.account.id), PhoneLine.holder(number)
    if holder is not None and (line is None or holder.id != line.id):
        return Fail("number_taken", TITLE, TAKEN.format(number=number))
    if line is None:
        line = PhoneLine.create(
            id=new_id("ln"),
            account=run.account,
            e164=number,
            source="ported",
            step_id=run.step.id,
            asked_by=run.deployment.asked_by,
            created_at=run.now,
            updated_at=run.now,
        )
    elif line.source == "ported" and Resource.named(run.account.id, NAME) is None:
        line.record(run.now, e164=number)  # corrected before any request was submitted
    if (line.source, line.e164) != ("ported", number):
        return Fail("other_line", TITLE, OTHER_LINE.format(number=line.e164 or "of its SIP trunk"))
    return line


def _body(run: Run, document: str) -> Json:
    """Return the request's body: what Twilio needs to know about the present carrier's customer."""
    settings = run.setup.phone_integration_settings
    address = settings["serviceAddress"]
    is_person = settings["customerType"] == "Individual"
    representative = settings["authorizedRepresentative"]
    losing: Json = {
        "customer_type": settings["customerType"],
        "customer_name": representative if is_person else run.account.name,
        "account_telephone_number": settings["phoneNumber"],
        "authorized_representative": representative,
        "authorized_representative_email": settings["authorizedRepresentativeEmail"],
        "address": {
            "street": address["line1"],
            "city": address["city"],
            "state": address["state"],
            "zip": address["postalCode"],
            "country": address.get("country") or "US",
        },
    }
    if address.get("line2"):
        losing["address"]["street_2"] = address["line2"]
    if settings.get("accountNumber"):
        losing["account_number"] = settings["accountNumber"]
    body: Json = {"documents": [document], "losing_carrier_information": losing}
    wished = settings.get("targetDate")
    if wished and date.fromisoformat(wished) >= (run.now + SOONEST).date():
        body["target_port_in_date"] = wished
    return body


def _record(run: Run, effect: Effect, answer: Json) -> Json:
    # not the step's id: the step can submit another request once this one is over
    run.keep("twilio", NAME, answer["id"], row_id=effect.id)
    run.setup.record_port(effect.request["number"], "submitted", run.now)
    return {"port": answer["id"]}


def _refused(_run: Run, effect: Effect) -> Plan:
    return Fail(effect.error_code or "refused", TITLE, effect.error or "")


def _undo(run: Run) -> UndoPlan:
    """Cancel the request. If the number has moved, it stays at Twilio and in the line."""
    if has_moved(run):
        return Skip("")
    asked = Resource.named(run.account.id, NAME)
    if asked is None or run.made("porting").get("over"):
        if asked is not None or run.step.made.get("line"):
            record_not_moved(run.account.id)
        return Skip("")
    line = PhoneLine.of(run.account.id)
    number = (line and line.e164) or ""
    request = {"sid": asked.provider_id, "number": number}
    return reserve_step_effect(run, PORT_REQUEST_CANCEL, request, "the deployment is undone")


def _undone(run: Run, _effect: Effect, answer: Json) -> str | None:
    moved = record_end(run.account.id, answer)
    return KEPT.format(number=moved.e164) if moved is not None else None


PORT_REQUEST = StepKind(
    name=NAME,
    saying="Submitting the port request...",
    plan=_plan,
    record=_record,
    refused=_refused,
    undo=_undo,
    undone=_undone,
    again="port_document",
    undo_saying="The port request was cancelled; the number stays with its carrier.",
)
