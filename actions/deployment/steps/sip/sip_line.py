"""Put the clinic's own number into the account's line; the number stays with its carrier.

A clinic that gave no number is called by its SIP username, which its phone system may do.
"""

from actions.deployment.step import Done, Fail, Json, Plan, Run, Skip, StepKind, UndoPlan
from models.deployment.phone_line import PhoneLine
from models.transactions import serialize_on
from runtime.ids import new_id

TITLE = "Deployment failed."
TAKEN = (
    "{number} is the number of another receptionist here. Give your clinic's own number, and deploy"
    " again."
)


OTHER_LINE = (
    "The account already has the number {number}, by another way for calls to arrive. Take that"
    " down, or choose it again; then deploy."
)


def called(run: Run) -> str:
    """Return what is called to reach the clinic: the number of its line, even if another has been
    saved since, or its SIP username.
    """
    line = PhoneLine.of(run.account.id)
    return (line and line.e164) or username(run)


def username(run: Run) -> str:
    """Return the username with which the clinic's phone system signs in."""
    return str(run.setup.phone_integration_settings.get("username") or "")


def _plan(run: Run, _seen: Json) -> Plan:
    number = run.setup.phone_integration_settings.get("clinicNumber")
    serialize_on(f"line:{run.account.id}")
    line = PhoneLine.of(run.account.id)
    if line is not None and line.source != "sip":
        return Fail("other_line", TITLE, OTHER_LINE.format(number=line.e164 or "of a purchase"))
    if number:
        serialize_on(f"number:{number}")
        holder = PhoneLine.holder(number)
        if holder is not None and (line is None or holder.id != line.id):
            return Fail("number_taken", TITLE, TAKEN.format(number=number))
    if line is None:
        line = PhoneLine.create(
            id=new_id("ln"),
            account=run.account,
            e164=number,
            state="owned",
            source="sip",
            step_id=run.step.id,
            asked_by=run.deployment.asked_by,
            created_at=run.now,
            updated_at=run.now,
        )
    elif line.e164 != number:
        run.step.record(made=run.step.made | {"before": line.e164})
        line.record(run.now, e164=number)
    return Done({"lineId": line.id})


def _undo(run: Run) -> UndoPlan:
    """Free the line; the number stays with its carrier. An earlier deployment's line gets its
    earlier number back.
    """
    line = PhoneLine.of(run.account.id)
    if line is None:
        return Skip("")
    if line.step_id != run.step.id and run.deployment.goal != "taken_down":
        _put_number_back(run, line)
        return Skip("")
    line.record(run.now, state="released", holds_slot=False, voice_live=False)
    return Skip("")


def _put_number_back(run: Run, line: PhoneLine) -> None:
    """Restore the earlier number, unless Vapi has the new one or another line holds it by now."""
    if "before" not in run.step.made or run.made("sip_routing").get("id"):
        return
    before = run.step.made["before"]
    serialize_on(f"number:{before}")
    if before is None or PhoneLine.holder(before) is None:
        line.record(run.now, e164=before)


def _is_outdated(run: Run) -> bool:
    """Whether the line's number differs from the one configured now."""
    line = PhoneLine.of(run.account.id)
    return line is not None and line.e164 != run.setup.phone_integration_settings.get(
        "clinicNumber"
    )


SIP_LINE = StepKind(
    name="sip_line",
    saying="Preparing your line...",
    plan=_plan,
    undo=_undo,
    lasts=False,
    is_outdated=_is_outdated,
)
