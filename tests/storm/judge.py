"""The judge: it finds differences between what was promised, what the database holds and what the
providers did.

Each rule reads only the evidence, in plain arithmetic, and yields one sentence per breach. It
shares no code with the application, because agreement of two independent computations is worth more
than one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from tests.storm.calendars import CALENDAR_RULES
from tests.storm.callers import CALLER_RULES
from tests.storm.calls import CALL_RULES, asked_call
from tests.storm.card_forms import CARD_RULES
from tests.storm.client import Asked, Json
from tests.storm.desk import DESK_RULES, last_word, resolved
from tests.storm.evidence import Evidence
from tests.storm.going_live import DEPLOYING_RULES
from tests.storm.ports import PORT_RULES
from tests.storm.retention import RETENTION_RULES
from tests.storm.software import SOFTWARE_RULES

OVER = {"done", "dead", "cancelled"}
RETURNING = {"pending", "requires_action", "succeeded"}  # refunds that are paid or can still be
OPEN_DISPUTE = {"needs_response", "under_review", "warning_needs_response", "warning_under_review"}
OUTCOMES = {"applied", "unchanged", "ignored", "unmatched", "refused"}
TEXT_DECIDED = {
    "unknown",
    "accepted",
    "scheduled",
    "queued",
    "sent",
    "canceled",
    "failed",
    "undelivered",
    "delivered",
    "read",
    "refused",
}
SOON_COMMITTED = 10.0  # seconds after a text was received
TEXT_MUST_LEAVE = 60.0  # seconds after the decision
OPENLY_DEAD = "dead"

Finding = str
Rule = Callable[[Evidence], Iterator[Finding]]


def judge(evidence: Evidence) -> list[Finding]:
    """Return every breach; an empty list if there is none."""
    return [finding for rule in RULES for finding in rule(evidence)]


def answers(evidence: Evidence) -> Iterator[Finding]:
    """Every request was answered, never with a 5xx of ours, and all repetitions under one key name
    one object.
    """
    named: dict[tuple[str, str], set[str]] = {}
    for one in evidence.asked:
        if not one.status:
            yield f"{_told(one)} was never answered, after {one.sent} tries: {one.troubles[-3:]}"
        for trouble in one.troubles:
            if trouble.startswith("5") and ":" in trouble:
                yield f"{_told(one)} was answered {trouble}"
        if one.accepted and one.method == "POST" and _made_by(one):
            named.setdefault((one.path, one.key), set()).add(_made_by(one))
    for (path, key), ids in named.items():
        if len(ids) > 1:
            yield f"POST {path} under the key {key} made several things: {sorted(ids)}"


def _made_by(one: Asked) -> str:
    """Return the id of the object a request made, as its answer names it."""
    answer = one.answer
    return str(
        answer.get("paymentLinkId")
        or answer.get("id")
        or (answer.get("payment") or {}).get("id")
        or answer.get("paymentIntentId")
        or ""
    )


def promises(evidence: Evidence) -> Iterator[Finding]:
    """Each 2xx has exactly one committed row, in a state that is final or openly in doubt."""
    for one in evidence.asked:
        if one.accepted and one.what in PROMISES:
            reason = PROMISES[one.what](evidence, one)
            if reason:
                yield f"{_told(one)} was answered {one.status}, yet {reason}"
        if one.what == "card number" and one.status != 422:
            yield f"{_told(one)} held a card number and was answered {one.status}"


def _customer(evidence: Evidence, one: Asked) -> str:
    same = [row for row in evidence.of("customer") if row["external_id"] == one.body["externalId"]]
    return (
        ""
        if [row["id"] for row in same] == [one.answer["id"]]
        else f"{len(same)} customers have its externalId"
    )


def _invoice(evidence: Evidence, one: Asked) -> str:
    same = [row for row in evidence.of("invoice") if row["number"] == one.body["number"]]
    if [row["id"] for row in same] != [one.answer["id"]]:
        return f"{len(same)} invoices have its number"
    corrected = last_word(evidence, "correct", "invoice", "amountDue").get(one.answer["id"], [])
    amount = same[0]["amount_due"]
    return "" if amount in {one.body["amountDue"], *corrected} else f"its amount is {amount}"


def _consent(evidence: Evidence, one: Asked) -> str:
    customer = one.path.split("/")[3]
    found = sum(row["customer_id"] == customer for row in evidence.of("consent"))
    return "" if found == 1 else f"there are {found} consents of the customer"


def _link(evidence: Evidence, one: Asked) -> str:
    link = evidence.by_id("payment_link").get(one.answer["paymentLinkId"])
    if link is None:
        return "its link is not there"
    if link["state"] in {"planned", "retiring"} and not _is_dead(evidence, link["id"]):
        return f"its link is still {link['state']}"
    told = one.answer.get("message")
    if one.body.get("channel") != "sms":
        return ""
    message = evidence.by_id("message").get((told or {}).get("id"))
    if message is None:
        return "its text is not there"
    decided = message["status"] in TEXT_DECIDED or _is_dead(evidence, message["id"])
    return "" if decided else f"its text is still {message['status']}"


def _intent(evidence: Evidence, one: Asked) -> str:
    intent_id = one.answer.get("paymentIntentId")
    rows = [row for row in evidence.of("payment_attempt") if row["intent_id"] == intent_id]
    if len(rows) != 1:
        return f"{len(rows)} attempts have its intent"
    return (
        ""
        if any(intent["id"] == intent_id for intent in evidence.intents)
        else "Stripe has no such intent"
    )


def _charge(evidence: Evidence, one: Asked) -> str:
    payment = one.answer.get("payment")
    if one.answer.get("success"):
        taken = {intent["id"]: intent for intent in evidence.intents if intent["amount_received"]}
        intent = taken.get((payment or {}).get("paymentIntentId"))
        if intent is None or intent["amount_received"] != payment["amountReceived"]:
            return f"Stripe took {intent['amount_received'] if intent else 'nothing'} for it"
    return ""


def _refund(evidence: Evidence, one: Asked) -> str:
    row = evidence.by_id("refund_request").get(one.answer["id"])
    if row is None:
        return "its refund request is not there"
    if row["state"] == "requested":
        return "" if _is_dead(evidence, row["id"]) else "the refund is still only requested"
    made = [
        refund for refund in evidence.refunds if refund["metadata"].get("attempt_id") == row["id"]
    ]
    if row["state"] == "confirmed" and [(refund["id"], refund["amount"]) for refund in made] != [
        (row["refund_id"], row["amount"])
    ]:
        return (
            f"it is confirmed as {row['refund_id']}, and Stripe made"
            f" {[(refund['id'], refund['amount']) for refund in made]}"
        )
    return (
        f"it was refused, and Stripe made {made[0]['id']}"
        if row["state"] == "refused" and made
        else ""
    )


def _offline(evidence: Evidence, one: Asked) -> str:
    body = one.body
    same = [
        row
        for row in evidence.of("payment")
        if (row["invoice_id"], row["method"], row["reference"])
        == (body["invoiceId"], body["method"], body["reference"])
    ]
    if len(same) != 1:
        return f"{len(same)} payments have its reference"
    return (
        ""
        if same[0]["amount_received"] == body["amount"]
        else f"{same[0]['amount_received']} is recorded"
    )


def _void(evidence: Evidence, one: Asked) -> str:
    row = evidence.by_id("payment").get(one.about["payment"])
    return "" if row and row["voided_at"] else "the payment is not voided"


def _marked(mark: str) -> Callable[[Evidence, Asked], str]:
    def check(evidence: Evidence, one: Asked) -> str:
        row = evidence.by_id("invoice").get(one.about["invoice"])
        return "" if row and row["mark"] == mark else f"the invoice is {row and row['mark']}"

    return check


def _kept(table: str) -> Callable[[Evidence, Asked], str]:
    def check(evidence: Evidence, one: Asked) -> str:
        return "" if one.answer["id"] in evidence.by_id(table) else f"its {table} is not there"

    return check


PROMISES: dict[str, Callable[[Evidence, Asked], str]] = {
    "customer": _customer,
    "consent": _consent,
    "invoice": _invoice,
    "link": _link,
    "call": asked_call,
    "intent": _intent,
    "confirm": _charge,
    "phone": _charge,
    "saved card": _charge,
    "look": _charge,
    "refund": _refund,
    "offline": _offline,
    "void": _void,
    "cancel": _marked("cancelled"),
    "write-off": _marked("written_off"),
    "hold": _kept("hold"),
    "opt out": _kept("opt_out"),
    "promise": _kept("promise"),
    "escalate": _kept("work_item"),
    "endpoint": _kept("webhook_endpoint"),
    "resolve": resolved,
}


def lost_events(evidence: Evidence) -> Iterator[Finding]:
    """Every event answered with 2xx is in the inbox, and so is every event at Stripe, since missed
    ones are backfilled.
    """
    known = {row["event_id"] for row in _of_stripe(evidence)}
    for delivery in evidence.deliveries:
        if (
            delivery["provider"] == "stripe"
            and delivery["state"] == "delivered"
            and delivery["event_id"] not in known
        ):
            yield (
                f"event {delivery['event_id']} ({delivery['event_type']}) was answered with 2xx and"
                " is lost"
            )
    for event in evidence.events:
        if event["id"] not in known:
            yield (
                f"event {event['id']} ({event['type']}) happened at Stripe and was never taken in,"
                " though it was fetched afterwards"
            )


def inbox(evidence: Evidence) -> Iterator[Finding]:
    """Each event is in the inbox once with an outcome, and the inbox holds no event that Stripe did
    not send.
    """
    for (_, event_id), times in Counter(
        (row["account"], row["event_id"]) for row in _of_stripe(evidence)
    ).items():
        if times > 1:
            yield f"event {event_id} is in the inbox {times} times"
    sent = {event["id"] for event in evidence.events}
    for row in _of_stripe(evidence):
        if row["outcome"] not in OUTCOMES:
            yield (
                f"event {row['event_id']} ({row['type']}) was accepted and its outcome is"
                f" {row['outcome']}"
            )
        if row["event_id"] not in sent or row["event_id"] in evidence.forged:
            yield (
                f"event {row['event_id']} ({row['type']}) is in the inbox, and Stripe never sent it"
            )


def _of_stripe(evidence: Evidence) -> list[Json]:
    """Return the inbox's rows of Stripe's events."""
    return [row for row in evidence.of("inbox_event") if row["provider"] == "stripe"]


def effects(evidence: Evidence) -> Iterator[Finding]:
    """Each intent has at most one effect at its provider, and the ledger agrees with the
    provider.
    """
    for kind, objects in (
        ("refund", evidence.refunds),
        ("payment link", evidence.links),
        ("intent", _made_by_us(evidence)),
    ):
        made = Counter(one["metadata"].get("attempt_id", "") for one in objects)
        for tag, times in made.items():
            if tag and times > 1:
                yield (
                    f"{times} {kind}s were made for {tag}:"
                    f" {[one['id'] for one in objects if one['metadata'].get('attempt_id') == tag]}"
                )
    for intent_id, times in Counter(
        charge["payment_intent"] for charge in evidence.charges if charge["status"] == "succeeded"
    ).items():
        if times > 1:
            yield f"intent {intent_id} was charged {times} times"
    yield from _effects_told(evidence)


def _made_by_us(evidence: Evidence) -> list[Json]:
    """Return the intents that the application created itself, not those of a payment link's session
    or a dashboard.
    """
    attempts = evidence.by_id("payment_attempt")
    return [
        intent for intent in evidence.intents if intent["metadata"].get("attempt_id") in attempts
    ]


def _effects_told(evidence: Evidence) -> Iterator[Finding]:
    there = {
        one["id"]
        for objects in (evidence.refunds, evidence.links, evidence.intents)
        for one in objects
    }
    there |= {row["sid"] for row in evidence.of("message") if row["sid"]}
    keys = Counter(row["key"] for row in evidence.of("effect"))
    for key, times in keys.items():
        if times > 1:
            yield f"effect {key} has {times} rows"
    for row in evidence.of("effect"):
        if (
            row["kind"] in {"payment_link", "refund", "intent_create"}
            and row["state"] == "confirmed"
            and row["provider_id"] not in there
        ):
            yield (
                f"effect {row['key']} is confirmed as {row['provider_id']}, which the provider does"
                " not have"
            )
        if row["state"] not in {"confirmed", "refused", "unknown", "sending"}:
            yield f"effect {row['key']} is {row['state']}"


def charges(evidence: Evidence) -> Iterator[Finding]:
    """Our intents never took more for an invoice than its amount due plus what was returned: no two
    intents charge for the same balance.
    """
    returned = _returned(evidence)
    taken: Counter[str] = Counter()
    back: Counter[str] = Counter()
    attempts = evidence.by_id("payment_attempt")
    for intent in evidence.intents:
        attempt = attempts.get(intent["metadata"].get("attempt_id"))
        if attempt is not None:
            taken[attempt["invoice_id"]] += intent["amount_received"]
        back[intent["metadata"].get("invoice_id", "")] += returned.get(intent["id"], 0)
    for row in evidence.of("invoice"):
        if taken[row["id"]] > row["amount_due"] + back[row["id"]]:
            yield (
                f"invoice {row['id']}: intents of ours took {taken[row['id']]} of"
                f" {row['amount_due']} due, and {back[row['id']]} went back"
            )
    for confirmation in evidence.of("payment_confirmation"):
        if confirmation["state"] == "requested" and not _is_dead(evidence, confirmation["id"]):
            yield f"charge {confirmation['id']} is still only requested"


def _returned(evidence: Evidence) -> dict[str, int]:
    """Return how much of each intent has been returned or is being returned: refunds, and amounts
    withheld by disputes (without fees).
    """
    returned: Counter[str] = Counter()
    for refund in evidence.refunds:
        if refund["status"] in RETURNING:
            returned[refund["payment_intent"]] += refund["amount"]
    for dispute in evidence.disputes:
        returned[dispute["payment_intent"]] -= sum(
            movement["amount"] for movement in dispute["balance_transactions"]
        )
    return returned


def payments(evidence: Evidence) -> Iterator[Finding]:
    """Each payment at Stripe is recorded once with its invoice, to the minor unit, and no others
    are.
    """
    rows = {row["intent_id"]: row for row in evidence.of("payment") if row["intent_id"]}
    for intent_id, times in Counter(row["intent_id"] for row in evidence.of("payment")).items():
        if intent_id and times > 1:
            yield f"{intent_id} is recorded as {times} payments"
    own = {
        intent["id"]: invoice["id"]
        for invoice in evidence.of("invoice")
        for intent in _own(evidence, invoice)
    }
    for intent in evidence.intents:
        row = rows.get(intent["id"])
        if row is None and intent["amount_received"] and intent["id"] in own:
            yield (
                f"invoice {own[intent['id']]}: Stripe took {intent['amount_received']} with"
                f" {intent['id']}, which is not recorded"
            )
        if row is not None and (row["amount_received"], row["invoice_id"]) != (
            intent["amount_received"],
            own.get(intent["id"]),
        ):
            was = f"{intent['amount_received']} for {own.get(intent['id'], 'nobody here')}"
            yield (
                f"payment {row['id']}: {row['amount_received']} is recorded for"
                f" {row['invoice_id']}, Stripe took {was} with {intent['id']}"
            )
    there = {intent["id"] for intent in evidence.intents}
    yield from (
        f"payment {row['id']} is of {intent_id}, which Stripe does not have"
        for intent_id, row in rows.items()
        if intent_id not in there
    )


def _own(evidence: Evidence, invoice: Json) -> list[Json]:
    """Return an invoice's intents: those that name it and its account, in the Stripe account that
    takes its money.
    """
    account = evidence.by_id("account")[invoice["account_id"]]
    named = {"invoice_id": invoice["id"], "account_id": invoice["account_id"]}
    return [
        intent
        for intent in evidence.intents
        if named.items() <= intent["metadata"].items()
        and intent["account"] == (account["stripe_account"] or "")
    ]


def books(evidence: Evidence) -> Iterator[Finding]:
    """Each invoice's amounts agree with the stand-in's ledger and the recorded cash, and its status
    follows from them.
    """
    returned = _returned(evidence)
    disputed = {
        dispute["payment_intent"]
        for dispute in evidence.disputes
        if dispute["status"] in OPEN_DISPUTE or _is_withheld(dispute)
    }
    cash = [
        row for row in evidence.of("payment") if row["method"] != "stripe" and not row["voided_at"]
    ]
    for invoice in evidence.of("invoice"):
        own = _own(evidence, invoice)
        received = [
            (intent["amount_received"], returned.get(intent["id"], 0))
            for intent in own
            if intent["currency"] == invoice["currency"]
        ]
        received += [
            (row["amount_received"], 0) for row in cash if row["invoice_id"] == invoice["id"]
        ]
        expected = standing(invoice, received, evidence.today) | {
            "disputed": any(intent["id"] in disputed for intent in own)
        }
        found = {
            name: bool(invoice[name]) if name == "disputed" else invoice[name] for name in expected
        }
        if found != expected:
            differs = ", ".join(
                f"{name} {found[name]}, not {expected[name]}"
                for name in expected
                if found[name] != expected[name]
            )
            yield (
                f"invoice {invoice['id']} ({invoice['currency']} {invoice['amount_due']},"
                f" {invoice['mark']}): {differs}"
            )


def _is_withheld(dispute: Json) -> bool:
    """Return whether a dispute that was won still withholds the money."""
    return (
        dispute["status"] == "won"
        and sum(movement["amount"] for movement in dispute["balance_transactions"]) < 0
    )


def standing(invoice: Json, received: list[tuple[int, int]], today: Any) -> Json:
    """Return an invoice's standing, given pairs of amounts received and returned."""
    came = sum(amount for amount, _ in received)
    back = sum(max(0, min(amount, returned)) for amount, returned in received)
    kept, due, mark = came - back, invoice["amount_due"], invoice["mark"]
    covered = came > 0 and kept >= due
    late = mark == "sent" and str(invoice["due_date"])[:10] < today.isoformat()
    return {
        "amount_received": came,
        "amount_returned": back,
        "amount_paid": kept,
        "outstanding": 0 if mark in {"cancelled", "written_off"} else max(0, due - kept),
        "overpaid": kept if mark == "cancelled" and not covered else max(0, kept - due),
        "status": "paid" if covered else "overdue" if late else mark,
    }


def decisions(evidence: Evidence) -> Iterator[Finding]:
    """Each offline payment, mark and refund was requested."""
    offline = {
        (one.body["invoiceId"], one.body["method"], one.body["reference"]): one.body["amount"]
        for one in evidence.asked
        if one.what == "offline"
    }
    for row in evidence.of("payment"):
        if (
            row["method"] != "stripe"
            and offline.get((row["invoice_id"], row["method"], row["reference"]))
            != row["amount_received"]
        ):
            yield (
                f"payment {row['id']} ({row['method']} {row['reference']},"
                f" {row['amount_received']}) was recorded and nobody asked for it"
            )
    asked = {
        (one.about["invoice"], one.what)
        for one in evidence.asked
        if one.what in {"cancel", "write-off"}
    }
    for row in evidence.of("invoice"):
        how = {"cancelled": "cancel", "written_off": "write-off"}.get(row["mark"])
        if how and (row["id"], how) not in asked:
            yield f"invoice {row['id']} is {row['mark']} and nobody asked for it"
    yield from _refunds_asked_for(evidence)


def _refunds_asked_for(evidence: Evidence) -> Iterator[Finding]:
    accepted = [one for one in evidence.asked if one.accepted]
    requests = {one.answer["id"] for one in accepted if one.what == "refund"}
    requests |= {row["id"] for row in evidence.of("deployment_step")}  # its fee is refunded
    for one in accepted:
        if one.what == "resolve":
            requests |= set(one.answer["context"].get("refundIds", ()))
    for refund in evidence.refunds:
        if refund["metadata"].get("attempt_id") not in requests:
            yield f"refund {refund['id']} of {refund['amount']} was made and nobody asked for it"


def texts(evidence: Evidence) -> Iterator[Finding]:
    """At most one text per request, and each has an effect and a decision that allows it."""
    effects_by_id, allowed = evidence.by_id("effect"), _allowed(evidence)
    sent = [request for request in evidence.text_requests if request["performed"]]
    for request in sent:
        if request["effect"] not in effects_by_id:
            yield (
                f"a text to {request['to']} was sent for the effect {request['effect']!r}, which is"
                " not in the ledger"
            )
        elif request["effect"] not in allowed:
            yield f"a text to {request['to']} was sent without a decision that it may be"
        elif effects_by_id[request["effect"]]["state"] == "unknown":
            yield f"a text to {request['to']} is at Twilio, and is still in doubt"
    messages = Counter(
        effects_by_id[request["effect"]]["key"].split(":")[1]
        for request in sent
        if request["effect"] in effects_by_id
    )
    yield from (
        f"text {message_id} was sent {times} times"
        for message_id, times in messages.items()
        if times > 1
    )


def _allowed(evidence: Evidence) -> dict[Any, Json]:
    """Return the decisions that allow a text, by effect id."""
    return {
        row["effect_id"]: row
        for row in evidence.of("contact_decision")
        if row["allowed"] and row["channel"] == "sms"
    }


def stops(evidence: Evidence) -> Iterator[Finding]:
    """Every STOP is recorded, whether Twilio's webhook brought it or it was found in Twilio's
    list.
    """
    allowed = _allowed(evidence)
    received = {
        row["event_id"]: row["received_at"] / 1e6 + SOON_COMMITTED
        for row in evidence.of("inbox_event")
        if row["provider"] == "twilio"
    }
    for stop in evidence.stops:
        heard = stop["heard_at"] or received.get(stop["sid"])
        if heard is None or not any(
            row["phone"] == stop["phone"] and row["wish"] == "stop"
            for row in evidence.of("opt_out")
        ):
            yield f"the STOP of {stop['phone']} is lost"
        if heard is not None:
            yield from _after_stop(evidence, stop, heard, allowed)


def _after_stop(
    evidence: Evidence, stop: Json, heard: float, allowed: dict[Any, Json]
) -> Iterator[Finding]:
    """A STOP is committed once its webhook is answered. From then on until a START, no decision
    allows a text or call, and a text decided on before leaves in time or not at all.
    """
    until = min(
        (
            start["said_at"]
            for start in evidence.starts
            if start["phone"] == stop["phone"] and start["said_at"] > stop["said_at"]
        ),
        default=float("inf"),
    )
    for row in evidence.of("contact_decision"):
        if row["allowed"] and row["phone"] == stop["phone"] and heard < row["at"] / 1e6 < until:
            what = "text" if row["channel"] == "sms" else "call"
            yield (
                f"a {what} to {stop['phone']} was allowed {row['at'] / 1e6 - heard:.1f} s after"
                " their STOP was committed"
            )
    for request in evidence.text_requests:
        decided = allowed.get(request["effect"], {}).get("at", 0) / 1e6
        if (
            request["to"] == stop["phone"]
            and heard < request["at"] < until
            and request["at"] > decided + TEXT_MUST_LEAVE
        ):
            yield (
                f"a text to {stop['phone']} left {request['at'] - heard:.1f} s after their STOP was"
                " committed"
            )


def last_wishes(evidence: Evidence) -> Iterator[Finding]:
    """A number whose last word was STOP stays opted out from everybody who uses the sender, in
    whichever order STOP and START arrived.
    """
    said: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for wish, texts_ in (("stop", evidence.stops), ("start", evidence.starts)):
        for text in texts_:
            said[text["phone"]].append((text["said_at"], wish))
    for phone, words in said.items():
        heard = [
            (row["at"], row["id"], row["wish"])
            for row in evidence.of("opt_out")
            if row["phone"] == phone and row.get("account_id", "") is None
        ]
        if max(words)[1] == "stop" and heard and max(heard)[2] != "stop":
            yield f"the last word of {phone} was STOP, and START counts"


def stuck(evidence: Evidence) -> Iterator[Finding]:
    """No job waits or runs any more, and each dead job says why."""
    for job in evidence.of("staged_job"):
        if job["state"] not in OVER:
            yield (
                f"job {job['name']} {job['key']} is {job['state']} after {job['attempts']}"
                f" attempts, {_due(job, evidence.now)}: {job['last_error']}"
            )
        elif job["state"] == OPENLY_DEAD and not job["last_error"]:
            yield f"job {job['name']} {job['key']} is dead and does not say why"
        elif job["state"] == OPENLY_DEAD and job["name"] == "process_stripe_event":
            yield (
                f"job {job['name']} {job['key']} is dead even after it was run again:"
                f" {job['last_error']}"
            )
    dead = {
        job["key"].split(":")[0] for job in evidence.of("staged_job") if job["state"] == OPENLY_DEAD
    }
    for row in evidence.of("effect"):
        if row["state"] == "sending" and row["key"].split(":")[1] not in dead:
            yield f"effect {row['key']} is still being sent, and no job of it is dead"


def _due(job: Json, now: int) -> str:
    return (
        f"lease until {(job['lease_until'] - now) / 1e6:+.0f} s"
        if job["lease_until"]
        else f"due at {(job['due_at'] - now) / 1e6:+.0f} s"
    )


def secrecy(evidence: Evidence) -> Iterator[Finding]:
    """No file holds a card number or secret, and the load itself reported no problem."""
    yield from (f"at rest: {leak}" for leak in evidence.leaks)
    yield from evidence.problems


def _is_dead(evidence: Evidence, subject: str) -> bool:
    """Return whether a job about this row is dead."""
    return any(
        job["state"] == OPENLY_DEAD and job["key"].split(":")[0] == subject
        for job in evidence.of("staged_job")
    )


def _told(one: Asked) -> str:
    return f"{one.what}: {one.method} {one.path} under {one.key}"


RULES: tuple[Rule, ...] = (
    answers,
    promises,
    lost_events,
    inbox,
    effects,
    charges,
    payments,
    books,
    decisions,
    texts,
    stops,
    last_wishes,
    stuck,
    secrecy,
    *CALL_RULES,
    *CALLER_RULES,
    *CARD_RULES,
    *DESK_RULES,
    *DEPLOYING_RULES,
    *PORT_RULES,
    *CALENDAR_RULES,
    *RETENTION_RULES,
    *SOFTWARE_RULES,
)
