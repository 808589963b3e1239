"""Every request that charges, refunds, texts, links or buys, each from a clinic of its own; the
client that follows the answers; and what must hold after exactly one effect.

The client is the least careful one that the answers allow. After "nothing was saved" it starts
again with another key; after 503 `outcome_unknown` it repeats the request with the same key; after
202 it reads `Location`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.delivery.attempt import release_expired
from models.delivery.staged_job import StagedJob
from models.deployment.deployment import Deployment
from models.deployment.deployment_step import DeploymentStep
from models.deployment.setup import Setup
from models.payments.payment_link import PayAddress
from models.transactions import transaction
from runtime.clock import real_now
from runtime.ids import new_id
from tests import given
from tests.stand_ins.twilio_stand_in import TwilioStandIn
from tests.stories.deploying import FORWARDED, Deploying
from tests.stories.texting import Texting
from web.payments.card_tokens import LIFE, CardForm

FEE = 9_900
QUEUES = ("webhooks", "messages", "calls", "deploys")

Json = dict[str, Any]


def nothing_waits() -> bool:
    """Whether every job is over."""
    unfinished = StagedJob.state.in_(("waiting", "running"))
    return not StagedJob.select().where(unfinished, StagedJob.queue != "periodic").exists()


@dataclass(frozen=True)
class Asked:
    """One request, its sender, and the assertion of exactly one effect, made when its
    work is over.
    """

    path: str
    body: Json
    headers: dict[str, str]
    assert_once: Callable[[], None]
    is_over: Callable[[], bool] = nothing_waits


def half_by_phone(clinic: Texting) -> Asked:
    body = {"invoiceId": clinic.invoice.id, "paymentMethodId": "pm_card_visa", "amount": 6_000}
    return Asked("/api/payments/phone", body, clinic.headers, charged(clinic, 6_000))


def half_by_form(clinic: Texting) -> Asked:
    form = CardForm(clinic.invoice.id, "operator:test", real_now() + LIFE)
    body = {"paymentMethodId": "pm_card_visa", "amount": 6_000}
    return Asked(f"/card/{form.token}", body, {}, charged(clinic, 6_000))


def a_confirmation(clinic: Texting) -> Asked:
    """The clinic confirms an intent for half the invoice, so that the rest could still
    be charged.
    """
    opened = clinic.post(
        "/api/payments/create-payment-intent", invoiceId=clinic.invoice.id, amount=6_000
    )
    body = {
        "paymentIntentId": opened.json["paymentIntentId"],
        "invoiceId": clinic.invoice.id,
        "paymentMethodId": "pm_card_visa",
    }
    return Asked("/api/payments/confirm-payment", body, clinic.headers, charged(clinic, 6_000))


def charged(clinic: Texting, amount: int) -> Callable[[], None]:
    def assert_once() -> None:
        assert clinic.stand_in.received(clinic.invoice.id) == amount

    return assert_once


def a_refund(clinic: Texting) -> Asked:
    payment = clinic.stand_in.paid(clinic.invoice, redis=clinic.redis)
    left = clinic.invoice.amount_due - 2_500
    path = f"/api/payments/{payment.id}/refunds"
    return Asked(path, {"amount": 2_500}, clinic.headers, charged(clinic, left))


def made_for(clinic: Texting, objects: Any) -> list[Any]:
    return [one for one in objects if one.metadata["invoice_id"] == clinic.invoice.id]


def an_intent(clinic: Texting) -> Asked:
    def assert_once() -> None:
        made = clinic.stand_in.sdk.payment_intents.list({"limit": 100}).auto_paging_iter()
        assert len(made_for(clinic, made)) == 1

    body = {"invoiceId": clinic.invoice.id}
    return Asked("/api/payments/create-payment-intent", body, clinic.headers, assert_once)


def a_link(clinic: Texting) -> Asked:
    def assert_once() -> None:
        made = clinic.stand_in.sdk.payment_links.list({"limit": 100}).auto_paging_iter()
        assert len(made_for(clinic, made)) == 1

    path = f"/api/invoices/{clinic.invoice.id}/payment-links"
    return Asked(path, {"channel": "none"}, clinic.headers, assert_once)


def a_text(clinic: Texting) -> Asked:
    link = a_link(clinic)

    def assert_once() -> None:
        link.assert_once()
        url = PayAddress.get(PayAddress.invoice == clinic.invoice).url
        assert sum(url in row["body"] for row in clinic.sent()) == 1

    return Asked(link.path, {"channel": "sms"}, clinic.headers, assert_once)


def goes_live(clinic: Texting) -> Deploying:
    """A clinic with a card at Stripe, a voice and a number to forward."""
    twilio, sdk = TwilioStandIn(clinic.stand_in), clinic.stand_in.sdk
    deploying = Deploying(clinic.client, clinic.redis, twilio, clinic.stand_in.sandbox.vapi)
    customer = sdk.customers.create({})
    card = sdk.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    now = real_now()
    with transaction():
        Setup.locked_for(deploying.account.id, now).record(
            now,
            phone_integration_method="forwarded",
            phone_integration_settings=FORWARDED | {"needsPhoneNumber": True},
            stripe_customer_id=customer.id,
            stripe_payment_method_id=card.id,
            payment_method_verified=True,
        )
    return deploying


def a_deployment(clinic: Texting) -> Asked:
    """A deployment as far as the fee; what follows belongs to other tests, and is cancelled."""
    deploying = goes_live(clinic)

    def is_over() -> bool:
        charge = (DeploymentStep.name == "charge") & (DeploymentStep.state == "done")
        mine = Deployment.account == deploying.account
        return bool(DeploymentStep.select().join(Deployment).where(charge, mine).exists())

    def assert_once() -> None:
        payer = {"customer": deploying.setup.stripe_customer_id}
        charges = clinic.stand_in.sdk.charges.list(payer).data
        assert [(one.paid, one.amount) for one in charges] == [(True, FEE)]
        assert Deployment.select().where(Deployment.account == deploying.account).count() == 1
        StagedJob.update(state="cancelled").where(StagedJob.queue == "deploys").execute()

    path = f"/api/accounts/{deploying.account.id}/deployments"
    return Asked(path, {"confirmedCost": FEE}, deploying.headers, assert_once, is_over)


def a_number(clinic: Texting) -> Asked:
    deploying = goes_live(clinic)
    owned = set(deploying.twilio.owned())

    def assert_once() -> None:
        bought = set(deploying.twilio.owned()) - owned
        assert deploying.line is not None
        assert bought == {deploying.line.e164}

    body = {"accountId": deploying.account.id, "areaCode": "212"}
    return Asked("/api/twilio/phone/purchase", body, deploying.headers, assert_once)


def a_setup(clinic: Texting) -> Asked:
    """A form for a card. Nothing is charged, and a repetition with the same key creates no second
    one.
    """
    before = len(clinic.stand_in.sdk.setup_intents.list({"limit": 100}).data)

    def assert_once() -> None:
        made = clinic.stand_in.sdk.setup_intents.list({"limit": 100}).data
        assert len(made) == before + 1

    path = f"/api/accounts/{clinic.account.id}/setup-intents"
    return Asked(path, {}, clinic.headers, assert_once)


STORIES = {
    "a charge": half_by_phone,
    "a card form": half_by_form,
    "a confirmation": a_confirmation,
    "a refund": a_refund,
    "an intent": an_intent,
    "a link": a_link,
    "a text": a_text,
    "a deployment": a_deployment,
    "a number": a_number,
    "a setup": a_setup,
}


def begins_anew(_key: str, _answer: Any) -> str:
    """Return a new key, as a client does that trusts "nothing was saved"."""
    return new_id("key")


def follow(
    send: Callable[[str], Any],
    read: Callable[[str], Any],
    wait: Callable[[], None],
    key: str,
    next_key: Callable[[str, Any], str] = begins_anew,
    tries: int = 6,
) -> Any:
    """Send a request with a key, and follow the answers until one is final. `next_key` chooses the
    key after "nothing was saved".
    """
    for _ in range(tries):
        answer = send(key)
        if answer.status_code == 202 and answer.json.get("accepted"):
            assert answer.headers["location"] == answer.json["location"]
            assert read(answer.json["location"]).status_code in {200, 202}, answer.json
            return answer
        if answer.status_code < 500:
            return answer
        if answer.json["code"] == "unavailable":
            key = next_key(key, answer)
        else:
            assert answer.json["code"] in {"outcome_unknown", "provider_unavailable"}, answer.text
            wait()
    raise AssertionError("no final answer")


def settle(redis: Any, is_over: Callable[[], bool] = nothing_waits) -> None:
    """Let workers finish everything, including jobs with the leases of dead attempts."""
    for _ in range(8):
        if is_over():
            return
        StagedJob.update(lease_until=1).where(StagedJob.state == "running").execute()
        release_expired()
        given.make_due()
        given.relayed(redis)
        for queue in QUEUES:
            given.worked(redis, queue, rounds=4)
