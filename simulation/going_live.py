"""The act in which clinics go live: configured for free, charged once at Deploy, and refunded if
the deployment fails; then checked against what Stripe, Twilio and Vapi have on record.
"""

import base64
import os
from dataclasses import dataclass, field

from models.deployment.phone_line import PhoneLine
from models.deployment.resource import Resource
from simulation import terminal_output as say
from simulation.acts import Clinic, kill_worker, stripe_client
from simulation.api import Api
from simulation.expected import Json, Outcome

ENDED = frozenset({"live", "failed", "rolled_back", "payment_action_required"})
LASTING_SECONDS = 120.0


@dataclass(slots=True)
class Candidate:
    """A clinic that wants to go live, and how that should end."""

    name: str
    what: str
    card: str
    expected: str
    method: str = "forwarded"
    zone: str = "America/New_York"
    id: str = ""
    api: Api | None = None
    deployments: list[str] = field(default_factory=list)

    @property
    def own(self) -> Api:
        """Its API client; raises ``RuntimeError`` before its account is opened."""
        if self.api is None:
            raise RuntimeError(f"{self.name} has not opened its account.")
        return self.api

    @property
    def home(self) -> str:
        """The path of its account."""
        return f"/api/accounts/{self.id}"


def clinics_go_live(clinic: Clinic) -> list[Candidate]:
    """Take eight clinics through the wizard."""
    clinic.sandbox.control("twilio/ports", step=1)
    candidates = [_open(clinic, each) for each in _candidates()]
    say.chapter(
        "Clinics go live",
        f"{len(candidates)} configure how calls reach them, which charges and buys nothing",
    )
    usual, abandoned, refused, asked, broken, killed, ported, sip = candidates
    del abandoned  # this clinic stops at the wizard
    _retry_with_second_card(clinic, refused)
    _authenticate_payment(clinic, asked)
    _fail_at_vapi(clinic, broken)  # alone, so that the fault hits its assistant
    for each in (usual, ported, sip):
        _deploy(each)
    _kill_during_deployment(killed)
    for each in (usual, killed, ported, sip):
        _wait_for_end(each, each.expected)
    return candidates


def _candidates() -> list[Candidate]:
    return [
        Candidate("Harbor Dental", "goes live", "pm_card_visa", "live"),
        Candidate("Lakeside Vision", "never adds a card", "", "not deployed"),
        Candidate("Hill Pediatrics", "first card refused", "pm_card_chargeCustomerFail", "live"),
        Candidate(
            "Elm Street Clinic",
            "bank asks to confirm",
            "pm_card_authenticationRequired",
            "live",
            zone="America/Los_Angeles",
        ),
        Candidate("Bay Orthodontics", "assistant fails", "pm_card_visa", "rolled_back"),
        Candidate("Mill Road Practice", "workers killed", "pm_card_visa", "live"),
        Candidate("Pine Street Dental", "number ported", "pm_card_visa", "live", "ported"),
        Candidate("Quay Eye Clinic", "connects by SIP", "pm_card_visa", "live", "sip"),
    ]


def _open(clinic: Clinic, each: Candidate) -> Candidate:
    """Open the clinic's account, configure its voice and number, and save its card if
    it has one.
    """
    url = os.environ["PUBLIC_URL"]
    made = Api(url, clinic.operator_key).post(
        "/api/accounts", {"name": each.name, "timeZone": each.zone}, key=f"open-{each.name}"
    )
    each.id, each.api = made["id"], Api(url, made["key"])
    each.own.put(f"{each.home}/voice", {"provider": "vapi", "voiceId": "Elliot"})
    each.own.put(f"{each.home}/phone/{each.method}", _phone(each))
    if each.card:
        _save_card(clinic, each, each.card, "first")
    return each


def _phone(each: Candidate) -> Json:
    """Return the body that configures how its calls arrive."""
    if each.method == "forwarded":
        return {"businessName": each.name, "clinicNumber": "+12025550177", "areaCode": "202"}
    if each.method == "sip":
        return {"businessName": each.name, "clinicNumber": "+12025550178"}
    bill = {"name": "bill.pdf", "contentBase64": base64.b64encode(b"%PDF-1.7 a bill").decode()}
    kept = each.own.post(f"{each.home}/port-documents", bill, key=f"{each.id}-bill")
    return {
        "phoneNumber": "+12025550179",
        "currentCarrier": "Verizon",
        "customerType": "Business",
        "authorizedRepresentative": "Ada Lane",
        "authorizedRepresentativeEmail": "ada@pine.example",
        "serviceAddress": {
            "line1": "12 Pine St",
            "city": "Washington",
            "state": "DC",
            "postalCode": "20001",
        },
        "documentId": kept["id"],
    }


def _save_card(clinic: Clinic, each: Candidate, card: str, key: str) -> None:
    """Confirm the card in Stripe's form, with authentication if the bank asks, then report it to
    us.
    """
    opened = each.own.post(f"{each.home}/setup-intents", {}, key=f"{each.id}-{key}")
    intent = opened["setupIntentId"]
    confirmed = stripe_client().v1.setup_intents.confirm(intent, {"payment_method": card})
    if confirmed.status == "requires_action":
        clinic.sandbox.control(f"stripe/{intent}/authenticate")
    each.own.post(
        f"{each.home}/payment-method",
        {"setupIntentId": opened["setupIntentId"]},
        key=f"{each.id}-{key}-saved",
    )


def _deploy(each: Candidate) -> str:
    """Confirm the cost and click Deploy; returns the deployment's id."""
    due = each.own.get(f"{each.home}/cost-preview")["dueNow"]
    confirmed = {"confirmedCost": due["amount"], "confirmedCurrency": due["currency"]}
    key = f"{each.id}-deploy-{len(each.deployments)}"
    begun = each.own.post(f"{each.home}/deployments", confirmed, key=key)
    each.deployments.append(begun["id"])
    return str(begun["id"])


def _wait_for_end(each: Candidate, status: str) -> Json:
    """Wait for the deployment to end; raises ``RuntimeError`` if it ends with another status."""

    def ended() -> Json | None:
        shown = each.own.get(f"/api/deployments/{each.deployments[-1]}")
        return shown if shown["status"] in ENDED else None

    shown: Json = say.wait_for(f"{each.name} to be {status}", ended, LASTING_SECONDS)
    if shown["status"] != status:
        raise RuntimeError(f"{each.name} is {shown['status']}, not {status}: {shown['error']}")
    say.step(f"{each.name}: {shown['message'].splitlines()[0]}")
    return shown


def _retry_with_second_card(clinic: Clinic, each: Candidate) -> None:
    _deploy(each)
    _wait_for_end(each, "failed")
    _save_card(clinic, each, "pm_card_visa", "second")
    _deploy(each)
    _wait_for_end(each, "live")


def _authenticate_payment(clinic: Clinic, each: Candidate) -> None:
    """Deploy with a card whose bank asks the cardholder to authenticate on the page."""
    deployment = _deploy(each)
    _wait_for_end(each, "payment_action_required")
    action = each.own.post(
        f"/api/deployments/{deployment}/payment-action", {}, key=f"{each.id}-action"
    )
    intent = action["clientSecret"].partition("_secret_")[0]
    stripe_client().v1.payment_intents.confirm(
        intent, {"payment_method": action["paymentMethodId"]}
    )
    clinic.sandbox.control(f"stripe/{intent}/authenticate")
    each.own.post(f"/api/deployments/{deployment}/payment-action/done", {}, key=f"{each.id}-done")
    say.wait_for(
        f"{each.name} to go on",
        lambda: (
            each.own.get(f"/api/deployments/{deployment}")["status"] != "payment_action_required"
        ),
    )
    _wait_for_end(each, "live")


def _fail_at_vapi(clinic: Clinic, each: Candidate) -> None:
    """Deploy while Vapi refuses the assistant: everything is rolled back, and the fee refunded."""
    fault = {"kind": "refused_400", "provider": "vapi", "method": "POST", "path": "/assistant"}
    clinic.sandbox.control("faults", **fault, times=1)
    _deploy(each)
    _wait_for_end(each, "rolled_back")


def _kill_during_deployment(each: Candidate) -> None:
    """Kill a worker of the deploys queue during the deployment, which another process resumes."""
    deployment = _deploy(each)
    say.wait_for(
        "its deployment to be in progress",
        lambda: each.own.get(f"/api/deployments/{deployment}")["status"] != "queued",
    )
    kill_worker(os.environ["REDIS_URL"], "deploys")


def outcome(clinic: Clinic, each: Candidate) -> Outcome:
    """Return how a clinic's deployment ended, here and at the providers."""
    account = each.own.get(each.home)
    told = account["deployment"]["status"] if account["deployment"] else "not deployed"
    charges = [
        charge
        for charge in stripe_client().v1.charges.list({"limit": 100}).auto_paging_iter()
        if charge.paid and charge.metadata.to_dict().get("account_id") == each.id
    ]
    lines = {line.e164 for line in PhoneLine.select().where(PhoneLine.account == each.id)}
    bought = [fee["for"] for fee in _fees(clinic) if fee["for"] in lines]
    owned = {number["phone_number"] for number in _owned(clinic)}
    made = {row.provider_id for row in Resource.select().where(Resource.account == each.id)}
    return Outcome(
        each.name,
        each.what,
        told,
        each.expected,
        charged=sum(charge.amount for charge in charges),
        refunded=sum(charge.amount_refunded for charge in charges),
        bought=len(bought),
        released=sum(number not in owned for number in bought),
        at_vapi=len(made & _at_vapi(clinic)),
        numbers=0 if each.method == "sip" else 1,
    )


def _fees(clinic: Clinic) -> list[Json]:
    """Return Twilio's fees for numbers."""
    bills: list[Json] = clinic.sandbox.shown("twilio/ledger")["bills"]
    return [fee for fee in bills if fee["what"] == "number"]


def _owned(clinic: Clinic) -> list[Json]:
    """Return our numbers at Twilio, except the one that clinics text from."""
    numbers: list[Json] = clinic.sandbox.shown("twilio/bought")["numbers"]
    return [number for number in numbers if "-ln_" in number["friendly_name"]]


def _at_vapi(clinic: Clinic) -> set[str]:
    """Return the ids of all objects at Vapi."""
    kinds = clinic.sandbox.shown("vapi/objects")
    return {row["id"] for rows in kinds.values() for row in rows}


def has_no_leftovers(clinic: Clinic, outcomes: list[Outcome]) -> bool:
    """Whether the providers have exactly what the outcomes say, and nothing that belongs to no
    clinic.
    """
    numbers = sum(outcome.numbers for outcome in outcomes if outcome.status == "live")
    return (
        len(_fees(clinic)) == sum(outcome.bought for outcome in outcomes)
        and len(_owned(clinic)) == numbers
        and len(_at_vapi(clinic)) == sum(outcome.at_vapi for outcome in outcomes)
    )
