"""What a declined card means for the payer, and what they can do next.

Codes are Stripe's decline codes and error codes. For lost, stolen or blocked cards the networks
forbid giving the reason: such a card is only ever "declined".
"""

CONFIDENTIAL_DECLINES = frozenset(
    {
        "lost_card",
        "stolen_card",
        "pickup_card",
        "fraudulent",
        "restricted_card",
        "merchant_blacklist",
        "security_violation",
    }
)
DECLINED = "card_declined"

_OTHER_CARD = "Please use another card, or call your bank."
_ADVICE = {
    "insufficient_funds": (
        "The card does not have enough funds. Please try later, or use another card."
    ),
    "authentication_required": (
        "The bank requires the cardholder to confirm this payment. Please pay through the payment"
        " link instead."
    ),
    "expired_card": "The card has expired. Please use another card.",
    "incorrect_number": "The card number is incorrect. Please enter it again.",
    "incorrect_cvc": "The security code is incorrect. Please enter the card again.",
    "invalid_cvc": "The security code is incorrect. Please enter the card again.",
    "incorrect_zip": "The postal code does not match the card. Please enter it again.",
    "invalid_expiry_month": "The expiry date is incorrect. Please enter the card again.",
    "invalid_expiry_year": "The expiry date is incorrect. Please enter the card again.",
    "card_not_supported": (
        "This card does not support this kind of purchase. Please use another card."
    ),
    "currency_not_supported": "This card does not support this currency. Please use another card.",
    "card_velocity_exceeded": (
        "The card has reached its limit for now. Please wait, or use another card."
    ),
    "withdrawal_count_limit_exceeded": (
        "The card has reached its limit for now. Please wait, or use another card."
    ),
    "processing_error": (
        "The bank could not process the card just now. Please try again in a few minutes."
    ),
    "try_again_later": (
        "The bank could not process the card just now. Please try again in a few minutes."
    ),
    "issuer_not_available": "The bank could not be reached. Please try again in a few minutes.",
    "reenter_transaction": "The bank could not process the card just now. Please try again.",
    "setup_intent_authentication_failure": (
        "The bank could not make sure that it is the cardholder. Please try again, or use another"
        " card."
    ),
    "payment_intent_authentication_failure": (
        "The bank could not make sure that it is the cardholder. Please try again, or use another"
        " card."
    ),
    "duplicate_transaction": (
        "The bank has just seen the same payment. Please wait a minute before trying again."
    ),
}


def public_code(code: str) -> str:
    """The decline code that may be shown: confidential ones become `card_declined`."""
    return DECLINED if not code or code in CONFIDENTIAL_DECLINES else code


def advice(code: str) -> str:
    """What the payer can do, in a sentence or two that reveal nothing confidential."""
    if code in CONFIDENTIAL_DECLINES:
        return f"The card was declined. {_OTHER_CARD}"
    return _ADVICE.get(code, f"The card was declined. {_OTHER_CARD}")
