"""A payer at a Checkout Session: enters a card, authenticates, completes."""

from dataclasses import dataclass

from sandbox.stripe import customers, payment_links, payment_methods, payments, setup_intents
from sandbox.stripe.account import Account
from sandbox.stripe.errors import Json, unexpected
from sandbox.stripe.payment_intents import OPEN
from sandbox.stripe.test_cards import TestCard, by_id, by_number

EXPIRED = "This checkout session has ended."


@dataclass(frozen=True)
class Payer:
    """What the payer entered on the page."""

    card_number: str = ""
    payment_method: str = ""
    email: str | None = None
    name: str | None = None


def card_of(payer: Payer) -> TestCard:
    """Return the test card that the payer entered; an invalid number raises ``ApiError`` at once
    and starts no attempt.
    """
    if payer.payment_method:
        named = by_id(payer.payment_method)
        if named is None:
            raise unexpected(
                f"No such test payment method: {payer.payment_method}", param="payment_method"
            )
        return named
    return by_number(payer.card_number)


def refusal(account: Account, session: Json) -> str | None:
    """Return why a session can no longer be paid, or None if it can."""
    if session["status"] != "open":
        return EXPIRED
    link = _link(account, session)
    if (
        link
        and account.shared.settings.link_limit == "enforced"
        and payment_links.is_exhausted(link)
    ):
        return link["inactive_message"] or payment_links.CLOSED
    return None


def _link(account: Account, session: Json) -> Json | None:
    """Return the link that opened the session, or None."""
    return account.get("payment_link", session["payment_link"]) if session["payment_link"] else None


def submit(account: Account, session: Json, payer: Payer) -> Json:
    """Submit the payment form; raises the 402 of a decline, or the 400 of a session
    that is over.
    """
    why = refusal(account, session)
    if why:
        raise unexpected(why, code="checkout_session_unpayable")
    card = card_of(payer)
    _record_payer(account, session, payer)
    method = payment_methods.make(account, card)
    method["billing_details"] |= {"email": payer.email, "name": payer.name}
    if session["mode"] == "setup":
        return _set_up(account, session, method)
    intent = _intent(account, session)
    payments.pay(account, intent, method, payments.Terms())
    return finish(account, session, intent)


def _record_payer(account: Account, session: Json, payer: Payer) -> None:
    """Record the payer's details, and create a customer if the session asks for one."""
    email = payer.email or session["customer_email"]
    address = {
        "city": None,
        "country": "US",
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    }
    session["customer_details"] = {
        "address": address,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": payer.name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    if session["customer_creation"] == "always" and not session["customer"]:
        session["customer"] = customers.create(account, {"email": email, "name": payer.name})["id"]


def _intent(account: Account, session: Json) -> Json:
    """Return the session's intent, creating it at the first attempt to pay."""
    if session["payment_intent"]:
        return account.get("payment_intent", session["payment_intent"])
    wanted = account.secret(session["id"])["intent"]
    simple = (
        "description",
        "receipt_email",
        "setup_future_usage",
        "capture_method",
        "statement_descriptor_suffix",
    )
    fields = {name: wanted[name] for name in simple if wanted.get(name)}
    intent = account.new(
        "payment_intent", amount=session["amount_total"], currency=session["currency"], **fields
    )
    intent["client_secret"] = f"{intent['id']}_secret_{account.shared.ids.token(24)}"
    intent.update(metadata=dict(wanted.get("metadata") or {}), customer=session["customer"])
    account.secret(intent["id"]).update(session=session["id"], return_url=session["url"])
    session["payment_intent"] = intent["id"]
    account.emit("payment_intent.created", intent)
    return intent


def finish(account: Account, session: Json, intent: Json) -> Json:
    """Complete an open session once its intent has succeeded, or is processing."""
    if session["status"] == "open" and intent["status"] not in OPEN:
        paid = intent["status"] == "succeeded"
        session.update(status="complete", payment_status="paid" if paid else "unpaid", url=None)
        link = _link(account, session)
        if link:
            payment_links.count_completion(account, link)
        account.emit("checkout.session.completed", session)
    return session


def _set_up(account: Account, session: Json, method: Json) -> Json:
    """Complete a session that only saves a card."""
    wanted = account.secret(session["id"])["setup"]
    asked = {
        "customer": session["customer"],
        "metadata": wanted.get("metadata"),
        "usage": "off_session",
    }
    intent = setup_intents.create(account, {name: value for name, value in asked.items() if value})
    session["setup_intent"] = intent["id"]
    setup_intents.confirmed(account, intent, method, {})
    if intent["status"] == "succeeded":
        session.update(status="complete", url=None)
        account.emit("checkout.session.completed", session)
    return session


def authenticate(account: Account, intent: Json, passed: bool) -> Json:
    """Answer an intent's 3-D Secure question, and finish its session if it has one."""
    if intent["status"] != "requires_action":
        raise unexpected(
            f"Intent {intent['id']} does not wait for authentication: it is {intent['status']}."
        )
    payments.authenticated(account, intent, passed)
    session = account.secret(intent["id"]).get("session")
    if session:
        finish(account, account.get("checkout.session", session), intent)
    return intent


def settle(account: Account, intent: Json, succeeded: bool) -> Json:
    """Settle a processing payment, and emit its session's event."""
    if intent["status"] != "processing":
        raise unexpected(
            f"PaymentIntent {intent['id']} is {intent['status']}: only one that is processing"
            " settles."
        )
    payments.settle(account, intent, succeeded)
    session_id = account.secret(intent["id"]).get("session")
    if session_id:
        session = account.get("checkout.session", session_id)
        session["payment_status"] = "paid" if succeeded else "unpaid"
        account.emit(
            f"checkout.session.async_payment_{'succeeded' if succeeded else 'failed'}", session
        )
    return intent
