"""What to do about each refusal of the API: what is accepted, and the next step.

The refusal itself names the thing and what is wrong with it; this is the rest of a good error
message, the same for every refusal with a code. A test ensures that each code has an entry here,
and each entry a code.
"""

NEXT: dict[str, str] = {
    "bad_request": (
        "A JSON object in UTF-8 of at most 1 MB is accepted. Correct the body and send it again."
    ),
    "bad_signature": (
        "Only bodies signed with this endpoint's secret are accepted. Compare"
        " STRIPE_WEBHOOK_SECRET with the endpoint's signing secret, and the clocks."
    ),
    "unauthenticated": (
        "A key made by `bin/payphone account create` or `keys create` is accepted, as"
        " `Authorization: Bearer KEY`. Send one that was not revoked."
    ),
    "webhook_not_signed": (
        "Only requests that Twilio signed are accepted. Compare TWILIO_AUTH_TOKEN and PUBLIC_URL"
        " with Twilio's console."
    ),
    "forbidden": (
        "Another key or session than this one is accepted. Use an operator's key, or sign in and"
        " load the page again; then send it again."
    ),
    "calls_paused": (
        "Calls are accepted while they are not paused. Ask the operator of this installation."
    ),
    "payment_method_required": (
        "A verified card is accepted. Add one with `setup-intents` and `payment-method`, and send"
        " the request again."
    ),
    "deployment_in_progress": (
        "One deployment at a time is accepted. Wait until it has ended, or retry or roll back what"
        " it kept; then deploy again."
    ),
    "deployment_not_ready": (
        "A complete configuration is accepted. Read the account, which says what is missing, and"
        " deploy again."
    ),
    "deployment_over": (
        "Only what can still change is accepted. Read the deployment, and deploy again instead."
    ),
    "cost_changed": (
        "The cost preview's `dueNow.amount` is accepted. Read it, and confirm what is due now."
    ),
    "no_caller_number": (
        "Accounts with a live phone number are accepted. Deploy one, and ask again; or send a text."
    ),
    "call_in_doubt": (
        "A call is accepted once it is known what became of the last one. Wait for its report, or"
        " look in Vapi's call list and settle it with `bin/payphone effects settle`."
    ),
    "call_under_way": (
        "One call to a person at a time is accepted. Read the one that is on its way, and ask again"
        " once it is over."
    ),
    "number_unavailable": (
        "Another number or area code is accepted. Search again, and choose one."
    ),
    "https_required": "Addresses that begin with https are accepted. Send the request to one.",
    "not_found": (
        "Ids of your own account are accepted, as they were answered. Check the id and the key it"
        " was asked with, or list what there is."
    ),
    "card_declined": (
        "Another card, or the same one after a word with its bank, may be accepted. Ask the payer"
        " for it, or send the payment link."
    ),
    "method_not_allowed": (
        "The methods in the answer's Allow header are accepted. Use one of them, as in /api/docs."
    ),
    "conflict": (
        "What the present state allows is accepted. Read the object again, then decide whether to"
        " repeat the request."
    ),
    "already_exists": (
        "A number or id that is not taken is accepted. Use the one that exists, or choose another."
    ),
    "idempotency_in_progress": (
        "One request at a time is accepted with a key. Wait as Retry-After says, then repeat it"
        " with the same key and body."
    ),
    "charges_paused": (
        "Payment links are still accepted. Send one, or ask the operator when charges go on."
    ),
    "ceiling_reached": (
        "More is accepted from midnight in the account's time zone. Wait until then, or ask the"
        " operator to raise the ceiling; for a charge, send the payment link."
    ),
    "books_stale": (
        "Charges are accepted once Stripe's events are read again. Ask the operator to run"
        " `bin/payphone doctor`, then repeat the request."
    ),
    "payment_in_progress": (
        "One payment of an invoice at a time is accepted. Wait until it has arrived or failed, then"
        " read the invoice before trying again."
    ),
    "payment_conflict": (
        "The amount, currency and invoice of the first report are accepted under its reference."
        " Send those, or use a reference of its own for another payment."
    ),
    "no_saved_card": (
        "A customer with a stripeCustomerId and a saved card is accepted. Send a paymentMethodId,"
        " or the payment link."
    ),
    "keypad_unavailable": (
        "A call that is going on, about the invoice and with a verified person, is accepted."
        " Correct what the detail names, or send a payment link."
    ),
    "staff_form_off": (
        "Payment links are accepted here. Send one, or set staffEntry to form in the settings."
    ),
    "invoice_already_paid": (
        "Invoices on which something is owed are accepted. Read the invoice; nothing needs to be"
        " paid."
    ),
    "invoice_not_payable": (
        "Sent and overdue invoices without an open dispute are accepted. Read the invoice's status"
        " first."
    ),
    "invoice_closed": (
        "Open invoices are accepted; a closing is final. Create a new invoice if money is owed"
        " again."
    ),
    "payment_voided": (
        "A reference that was not voided is accepted. If the money did arrive, record it under"
        " another reference."
    ),
    "payment_not_voidable": (
        "Payments by cash, check or bank transfer are accepted. Refund a card payment instead."
    ),
    "payment_not_refundable": (
        "Succeeded card payments are accepted. Read the payment's status; pay any other back the"
        " way it came, and void it."
    ),
    "invoice_has_payments": (
        "Another amount is accepted until money is received or on its way. Void or refund the"
        " payment first, or create another invoice."
    ),
    "card_form_expired": "A form is accepted until it expires. Open a new one for the invoice.",
    "cursor_too_old": (
        "Cursors of events that are still kept are accepted. Read your invoices with updatedSince,"
        " then continue from the answer's `next`."
    ),
    "body_too_large": "Smaller bodies are accepted. Send less at once, or split the request.",
    "invalid": (
        "Each entry of `errors` names a field and what is accepted there. Correct those fields and"
        " send the request again."
    ),
    "payment_refused": (
        "The detail says, in Stripe's own words where it refused, what is accepted. Correct what it"
        " names, send the payment link, or record what is paid another way."
    ),
    "amount_exceeds_balance": (
        "At most the invoice's outstandingBalance is accepted. Read the invoice and send that or"
        " less."
    ),
    "currency_mismatch": (
        "The invoice's own currency is accepted. Send the amount in it, or check the invoice."
    ),
    "amount_exceeds_payment": (
        "At most the payment's refundable amount is accepted. Read the payment and send that or"
        " less."
    ),
    "contact_refused": (
        "Contact is accepted where the gate's conditions hold. Do what `detail` says for the"
        " `reasonCode`, or ask again from `nextAllowedAt`."
    ),
    "card_number_refused": (
        "Tokens and ids of payment methods are accepted, never card numbers. Remove the number, and"
        " take the card with the payment link or the card form."
    ),
    "idempotency_key_required": (
        "A charge or a refund is accepted with an Idempotency-Key header. Send one, new for each"
        " charge, and repeat the same request with the same key."
    ),
    "payment_repeated": (
        "Another card, another amount or a confirmation of the first charge is accepted. Read the"
        " invoice's payments before charging again."
    ),
    "outcome_unknown": (
        "A repetition with the same Idempotency-Key is accepted. Read what the request would have"
        " made, or repeat it with that key."
    ),
    "idempotency_key_reused": (
        "A key is accepted again only with the same request, and from a page only in the same"
        " session. Use a new key for a new request."
    ),
    "stripe_customer_unknown": (
        "Customers of the account's own Stripe account are accepted. Copy the id from that"
        " account's dashboard."
    ),
    "rate_limited": "Requests are accepted again after Retry-After. Wait that long, then repeat.",
    "internal": (
        "The same request is accepted again. Repeat it with the same Idempotency-Key, and report"
        " the X-Request-Id if it fails again."
    ),
    "provider_refused": (
        "What the provider takes is accepted; the detail has its words. Correct what it names, and"
        " send the request again."
    ),
    "provider_unavailable": (
        "The same request is accepted again. Repeat it with the same Idempotency-Key in a moment."
    ),
    "not_configured": (
        "Requests are accepted once the setting is there. Ask the operator to run"
        " `bin/payphone doctor`."
    ),
    "unavailable": (
        "The same request is accepted again. Wait as Retry-After says, then repeat it with the same"
        " Idempotency-Key."
    ),
}


def next_step(code: str) -> str:
    """What is accepted, and what to do next, after a refusal with this code."""
    return NEXT.get(code, "")
