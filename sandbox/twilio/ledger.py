"""What Twilio would bill: numbers and emergency addresses by the month, texts, calls, lookups.

Amounts are decimals of US dollars, as strings, because a text costs fractions of a cent. Prices of
texts and calls are those of twilio.com/en-us/pricing in 2025; that of lookups is a guess. Nothing
here depends on them.
"""

from decimal import Decimal

from sandbox.twilio.account import Books
from sandbox.twilio.errors import Json

MONTH = 30 * 86_400  # seconds; Twilio bills calendar months
TEXT, CALL_OUT, CALL_IN, LOOK_UP = "0.00830", "0.01400", "0.00850", "0.02000"


def bill(books: Books, what: str, about: str, amount: str, account: str) -> None:
    """Record a fee."""
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
    """Return every fee so far, oldest first, and the total."""
    total = sum((Decimal(row["amount"]) for row in books.bills), Decimal(0))
    return {"bills": [dict(row) for row in books.bills], "total": str(total), "currency": "usd"}
