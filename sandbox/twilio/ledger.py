"""What Twilio would bill: numbers and emergency addresses by the month, texts and calls.

Amounts are decimals of US dollars, as texts: a text costs parts of a cent. Prices of texts and
calls are those of twilio.com/en-us/pricing in 2025, that of look-ups is a guess, and nobody here
depends on them.
"""

from decimal import Decimal

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json

MONTH = 30 * 86_400  # seconds; Twilio's months are the calendar's
TEXT, CALL_OUT, CALL_IN, LOOK_UP = "0.00830", "0.01400", "0.00850", "0.02000"


def bill(books: Books, what: str, about: str, amount: str, account: str) -> None:
    """Put down a fee."""
    books.bills.append(
        {
            "at": books.shared.now(),
            "account": account,
            "what": what,
            "for": about,
            "amount": amount,
            "currency": "usd",
        }
    )


def ledger(books: Books) -> Json:
    """Every fee so far, oldest first, and their sum."""
    total = sum((Decimal(row["amount"]) for row in books.bills), Decimal(0))
    return {"bills": [dict(row) for row in books.bills], "total": str(total), "currency": "usd"}
