"""Twilio's Payments: card entry by keypad during a call. Twilio collects the digits, the Stripe Pay
Connector turns them into a payment method, and each report goes to `status_callback`.

https://www.twilio.com/docs/voice/api/payment-resource
"""

from providers.twilio.client import Json, client, mapped_errors, word

CONNECTOR = "Default"  # the unique name under which the Stripe Pay Connector is installed
CARDS = "visa mastercard amex discover"
SECONDS = 10  # between two digits


def start_session(call_sid: str, key: str, status_callback: str) -> Json:
    """Start card entry in a call. Nothing is charged: the result is a payment method."""
    with mapped_errors():
        made = (
            client()
            .calls(call_sid)
            .payments.create(
                idempotency_key=key,
                status_callback=status_callback,
                payment_connector=CONNECTOR,
                payment_method="credit-card",
                token_type="payment-method",  # noqa: S106 - a word of Twilio's
                security_code=True,
                postal_code=False,
                timeout=SECONDS,
                valid_card_types=CARDS,
            )
        )
        return {"id": word(made.sid)}


def capture(call_sid: str, payment_sid: str, piece: str, key: str, status_callback: str) -> Json:
    """Collect one piece of the card from the keypad."""
    with mapped_errors():
        session = client().calls(call_sid).payments(payment_sid)
        made = session.update(idempotency_key=key, status_callback=status_callback, capture=piece)
        return {"id": word(made.sid)}


def end_session(
    call_sid: str, payment_sid: str, status: str, key: str, status_callback: str
) -> Json:
    """Have the card checked (`complete`), or discard it (`cancel`)."""
    with mapped_errors():
        session = client().calls(call_sid).payments(payment_sid)
        made = session.update(idempotency_key=key, status_callback=status_callback, status=status)
        return {"id": word(made.sid)}
