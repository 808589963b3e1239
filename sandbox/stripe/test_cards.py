"""Stripe's test cards: what each number, or ``pm_card_…`` id, does."""

from dataclasses import dataclass

from sandbox.stripe.errors import ApiError


@dataclass(frozen=True)
class TestCard:
    """A card's details and behaviour. ``code`` is the error's code; ``action`` asks for 3-D Secure,
    but if ``once``, no longer after the card was set up for later.
    """

    __test__ = False  # the name is Stripe's; pytest must not collect it

    name: str
    number: str
    brand: str = "visa"
    code: str = ""
    decline_code: str | None = None
    advice: str | None = None
    attachable: bool = True
    action: bool = False
    once: bool = False
    dispute: str = ""
    refund: str = ""
    delayed: str = ""

    @property
    def declines(self) -> bool:
        """Whether a charge fails: at once, or after the authentication it asks for."""
        return bool(self.code)


LENGTHS = range(12, 20)
LATER, NEVER, CONFIRM = "try_again_later", "do_not_try_again", "confirm_card_data"


def _declined(
    name: str, number: str, decline_code: str | None, advice: str, code: str = "card_declined"
) -> TestCard:
    """Make a card that can neither be charged nor attached."""
    return TestCard(
        name, number, code=code, decline_code=decline_code, advice=advice, attachable=False
    )


CARDS = (
    TestCard("visa", "4242424242424242"),
    TestCard("visa_debit", "4000056655665556"),
    TestCard("mastercard", "5555555555554444", "mastercard"),
    TestCard("amex", "378282246310005", "amex"),
    TestCard("discover", "6011111111111117", "discover"),
    _declined("chargeDeclined", "4000000000000002", "generic_decline", LATER),
    _declined("chargeDeclinedInsufficientFunds", "4000000000009995", "insufficient_funds", LATER),
    _declined("chargeDeclinedLostCard", "4000000000009987", "lost_card", NEVER),
    _declined("chargeDeclinedStolenCard", "4000000000009979", "stolen_card", NEVER),
    _declined("chargeDeclinedExpiredCard", "4000000000000069", None, CONFIRM, "expired_card"),
    _declined("chargeDeclinedIncorrectCvc", "4000000000000127", None, CONFIRM, "incorrect_cvc"),
    _declined("chargeDeclinedProcessingError", "4000000000000119", None, LATER, "processing_error"),
    _declined(
        "chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_velocity_exceeded", LATER
    ),
    _declined("radarBlock", "4100000000000019", "fraudulent", NEVER),
    TestCard(
        "chargeCustomerFail",
        "4000000000000341",
        code="card_declined",
        decline_code="generic_decline",
        advice=LATER,
    ),
    TestCard("authenticationRequired", "4000002760003184", action=True),
    TestCard("threeDSecure2Required", "4000000000003220", action=True),
    TestCard("threeDSecureRequired", "4000002500003155", action=True, once=True),
    TestCard(
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        code="card_declined",
        decline_code="insufficient_funds",
        advice=LATER,
        action=True,
    ),
    TestCard("createDispute", "4000000000000259", dispute="fraudulent"),
    TestCard("createDisputeProductNotReceived", "4000000000002685", dispute="product_not_received"),
    TestCard("createDisputeInquiry", "4000000000001976", dispute="inquiry"),
    TestCard("refundFail", "4000000000005126", refund="fails"),
    TestCard("pendingRefund", "4000000000007726", refund="pends"),
)
BANKS = (
    TestCard("pm_usBankAccount_success", "", "bank", delayed="succeeds"),
    TestCard("pm_usBankAccount", "", "bank", delayed="waits"),
    TestCard("pm_usBankAccount_insufficientFunds", "", "bank", delayed="fails"),
)
BY_NUMBER = {card.number: card for card in CARDS}
BY_ID = {f"pm_card_{card.name}": card for card in CARDS} | {bank.name: bank for bank in BANKS}
MESSAGES = {
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "insufficient_funds": "Your card has insufficient funds.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def by_id(id: str) -> TestCard | None:
    """Return the test card of a ``pm_card_…`` id, also in the spelling
    ``pm_card_visa_chargeDeclined…``.
    """
    return BY_ID.get(id) or BY_ID.get(id.replace("pm_card_visa_", "pm_card_"))


def by_number(typed: str) -> TestCard:
    """Return the test card with this number; an invalid number raises ``ApiError`` at once and
    starts no attempt.
    """
    number = typed.replace(" ", "").replace("-", "")
    if not passes_luhn(number):
        raise ApiError(
            402,
            "Your card number is invalid.",
            type="card_error",
            code="incorrect_number",
            param="number",
        )
    if number not in BY_NUMBER:
        raise ApiError(
            402,
            "Your card was declined: only test cards work here.",
            type="card_error",
            code="card_declined",
            decline_code="test_mode_live_card",
        )
    return BY_NUMBER[number]


def message_for(code: str, decline_code: str | None) -> str:
    """Return the message for the customer."""
    return MESSAGES.get(decline_code or code) or MESSAGES.get(code, "Your card was declined.")


def passes_luhn(number: str) -> bool:
    """Whether a card number's check digit is right."""
    if not number.isdigit() or len(number) not in LENGTHS:
        return False
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in number[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in number[-1::-2])) % 10 == 0
