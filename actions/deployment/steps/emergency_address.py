"""Register the clinic's address, so that an emergency call from its number shows where it is.

While the receptionist is live, its number keeps showing the earlier address.
"""

from actions.deployment.configuration.setup_facts import digest_of
from actions.deployment.step import Fail, Json, Plan, Run, Skip, StepKind, UndoPlan
from effects.deployment.twilio.address import ADDRESS_CREATE, ADDRESS_DELETE
from effects.reserve import reserve_for_account
from models.deployment.installation import tagged
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import EMERGENCY_ADDRESS as NAME
from models.deployment.resource import Resource
from models.effects.effect import Effect
from providers.twilio.addresses import LONGEST_TAG
from rules.deployment.readiness import OTHER_ADDRESS

SAME = "The address is already registered."
NO_ADDRESS = (
    "No address for emergency calls was given, so an emergency call cannot show where it is."
)


def _plan(run: Run, _seen: Json) -> Plan:
    address = run.setup.phone_integration_settings.get("serviceAddress")
    if not address:
        return Skip(NO_ADDRESS)
    known = Resource.named(run.account.id, NAME)
    if known is not None and known.digest == digest_of(address):
        return Skip(SAME)
    line = PhoneLine.of(run.account.id)
    if known is not None and line is not None and line.voice_live:
        return Skip(OTHER_ADDRESS)
    request = {
        "customer_name": run.setup.phone_integration_settings.get("businessName")
        or run.account.name,
        "street": address["line1"],
        "street_secondary": address.get("line2") or "",
        "city": address["city"],
        "region": address["state"],
        "postal_code": address["postalCode"],
        "iso_country": address.get("country") or "US",
        "friendly_name": tagged(run.step.id, LONGEST_TAG),
    }
    if not run.step.made.get("digest"):  # of the requested address, even if another is saved later
        run.step.record(made=run.step.made | {"digest": digest_of(address)})
    tries = run.step.made.get("refusals", 0)
    return reserve_for_account(
        ADDRESS_CREATE,
        f"{run.step.id}:{tries}" if tries else run.step.id,
        request,
        run.account.id,
        run.deployment.asked_by,
        "emergency calls from the clinic's number",
    )


def _record(run: Run, _effect: Effect, answer: Json) -> Json:
    """Record the address as the account's. The earlier one is no longer the account's, although a
    number can keep showing it until it is given this one.
    """
    before = Resource.named(run.account.id, NAME)
    if before is not None:
        before.record(run.now, state="released")
    Resource.create(
        id=run.step.id,
        account=run.account,
        deployment_id=run.deployment.id,
        provider="twilio",
        name=NAME,
        provider_id=answer["id"],
        digest=run.step.made.get("digest", ""),
        created_at=run.now,
        updated_at=run.now,
    )
    return {"sid": answer["id"]}


def _refused(run: Run, effect: Effect) -> Plan:
    """Fail. The clinic can correct the address and retry, which is another request."""
    refusals = int(run.step.made.get("refusals", 0)) + 1
    run.step.record(made=run.step.made | {"refusals": refusals, "digest": ""})
    return Fail(
        effect.error_code or "refused",
        "The address for emergency calls was not accepted.",
        effect.error or "",
    )


def _undo(run: Run) -> UndoPlan | Effect:
    made = Resource.named(run.account.id, NAME)
    is_ours = made is not None and made.deployment_id == run.deployment.id
    if made is None or not (is_ours or run.deployment.goal == "taken_down"):
        return Skip("")
    line = PhoneLine.of(run.account.id)
    if line is not None and line.wanted.get("emergencyAddressSid") == made.provider_id:
        return Skip("")  # the number that stays still shows it
    return reserve_for_account(
        ADDRESS_DELETE,
        run.step.id,
        {"sid": made.provider_id},
        run.account.id,
        run.deployment.asked_by,
        "the deployment is undone",
    )


def _undone(run: Run, _effect: Effect, _answer: Json) -> None:
    made = Resource.named(run.account.id, NAME)
    if made is not None:
        made.record(run.now, state="released")


EMERGENCY_ADDRESS = StepKind(
    name=NAME,
    saying="Registering the address for emergency calls...",
    plan=_plan,
    record=_record,
    refused=_refused,
    undo=_undo,
    undone=_undone,
    undo_saying="The address for emergency calls was removed.",
)
