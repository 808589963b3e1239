"""Checkout Sessions: opened by a request or by a visit to a link, then completed or
expired once.
"""

from sandbox.stripe import catalog, payment_intents, payment_links
from sandbox.stripe.account import Account, merged
from sandbox.stripe.errors import Json, invalid, unexpected
from sandbox.stripe.lists import PAGING, newest_first, page
from sandbox.stripe.shapes import SHAPES

SHORTEST, LONGEST = 30 * 60, 24 * 3600
DERIVED = (
    "metadata",
    "expires_at",
    "line_items",
    "after_expiration",
    "payment_method_options",
    "customer_creation",
)


def create(account: Account, params: Json) -> Json:
    """``POST /v1/checkout/sessions``, modes payment and setup."""
    mode = params.get("mode", "payment")
    if params.get("customer"):
        account.get("customer", params["customer"], "customer")
    if mode == "subscription":
        raise invalid("The stand-in has no subscriptions.", param="mode")
    if not params.get("success_url") and params.get("ui_mode", "hosted_page") == "hosted_page":
        raise invalid(
            "Missing required param: success_url.", param="success_url", code="parameter_missing"
        )
    items = catalog.line_items(account, params.get("line_items", [])) if mode == "payment" else []
    shown = {
        name: value
        for name, value in params.items()
        if name in SHAPES["checkout.session"] and name not in DERIVED
    }
    session = _open(account, items, _expiry(account, params), shown)
    session["metadata"] = merged({}, params.get("metadata"))
    notes = account.secret(session["id"])
    notes["intent"] = params.get("payment_intent_data") or {}
    notes["setup"] = params.get("setup_intent_data") or {}
    return session


def _expiry(account: Account, params: Json) -> int:
    """Return when a session expires: 30 minutes to 24 hours from now."""
    now = account.now()
    expires_at = int(params.get("expires_at", now + LONGEST))
    if not now + SHORTEST <= expires_at <= now + LONGEST:
        raise invalid(
            "expires_at must be between 30 minutes and 24 hours from now.", param="expires_at"
        )
    return expires_at


def _open(account: Account, items: list[Json], expires_at: int, fields: Json) -> Json:
    """Open a session over some line items."""
    session = account.new("checkout.session", expires_at=expires_at, **fields)
    session["url"] = f"{account.cause.base_url}/checkout/{session['id']}"
    if items:
        amount = catalog.total(items)
        session.update(amount_total=amount, amount_subtotal=amount, currency=items[0]["currency"])
    else:
        session["payment_status"] = "no_payment_required"
    account.secret(session["id"])["items"] = items
    account.shared.timers.at(expires_at, "session expires", account.id, session["id"])
    return session


def visit(
    account: Account, link: Json, reference: str | None = None, email: str | None = None
) -> Json:
    """Open a session for a visitor of a link. The link's metadata is copied to the session, and its
    intent data to the intent.
    """
    fields = {
        "payment_link": link["id"],
        "metadata": dict(link["metadata"]),
        "client_reference_id": reference,
        "customer_email": email,
        "customer_creation": link["customer_creation"],
    }
    session = _open(account, payment_links.items_of(account, link), account.now() + LONGEST, fields)
    account.secret(session["id"])["intent"] = link["payment_intent_data"] or {}
    return session


def expire(account: Account, params: Json, id: str) -> Json:
    """``POST …/expire``: possible only while the session is open."""
    session = account.get("checkout.session", id)
    if session["status"] != "open":
        raise unexpected(
            'Only Checkout Sessions with a status in ["open"] can be expired. This one is'
            f" {session['status']}."
        )
    return expired(account, session)


def expired(account: Account, session: Json) -> Json:
    """Expire an open session and cancel its unpaid intent."""
    session.update(status="expired", url=None)
    account.emit("checkout.session.expired", session)
    if session["payment_intent"]:
        intent = account.get("payment_intent", session["payment_intent"])
        if intent["status"] in payment_intents.OPEN:
            payment_intents.cancelled(account, intent, "automatic")
    return session


def retrieve(account: Account, params: Json, id: str) -> Json:
    """``GET /v1/checkout/sessions/{id}``."""
    return account.get("checkout.session", id)


def update(account: Account, params: Json, id: str) -> Json:
    """``POST /v1/checkout/sessions/{id}``: metadata."""
    session = account.get("checkout.session", id)
    return account.change(session, metadata=merged(session["metadata"], params.get("metadata")))


def line_items(account: Account, params: Json, id: str) -> Json:
    """``GET …/line_items``."""
    account.get("checkout.session", id)
    return page(f"/v1/checkout/sessions/{id}/line_items", account.secret(id)["items"], params)


def index(account: Account, params: Json) -> Json:
    """``GET /v1/checkout/sessions``."""
    plain = {name: value for name, value in params.items() if name != "customer_details"}
    found = newest_first(account, "checkout.session", plain)
    email = params.get("customer_details", {}).get("email")
    if email:
        found = [
            session
            for session in found
            if (session["customer_details"] or {}).get("email") == email
        ]
    return page(
        "/v1/checkout/sessions", found, {name: plain[name] for name in plain if name in PAGING}
    )
