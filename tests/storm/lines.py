"""Gives clinics a live number to call from, a ladder of one call and cards by keypad, and another
clinic the card that its setup fee is charged to, in a separate process: `python -m
tests.storm.lines ACCOUNT NUMBER … ACCOUNT CUSTOMER,PAYMENT_METHOD`.
"""

import os
import sys
from dataclasses import asdict
from itertools import pairwise

from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.deployment.setup import Setup
from models.transactions import transaction, use_database
from rules.contact.ladder import Rung
from runtime.clock import real_now
from runtime.settings import get_settings
from tests.stories.calling import a_live_line

LADDER = [asdict(Rung(1, "voice"))]
CARDS = {"payment_collection": "in_call", "keypad_payments": True}


def main(*named: str) -> None:
    """Set up each account named on the command line."""
    use_database(get_settings().database_url)
    server = {
        "url": f"{os.environ['PUBLIC_URL']}/api/webhooks/vapi",
        "headers": {"X-Vapi-Secret": get_settings().vapi_webhook_secrets[0]},
    }
    for account_id, number in list(pairwise(named))[::2]:
        account = Account.get_by_id(account_id)
        if "," in number:
            has_card(account, *number.split(","))
            continue
        a_live_line(account, number, server=server)
        chosen = {"calling": "automatic", "first_contacts": "automatic", "ladder": LADDER} | CARDS
        AccountSettings.change(account, chosen, real_now())


def has_card(account: Account, customer_id: str, card_id: str) -> None:
    """Record a saved and verified card."""
    now = real_now()
    card = {"stripe_customer_id": customer_id, "stripe_payment_method_id": card_id}
    with transaction():
        Setup.locked_for(account.id, now).record(
            now, **card, payment_method_verified=True, payment_method_verified_at=now
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
