"""What a storm does to a database through the application's own models, in a process of its own:
`python -m tests.storm.lines lines ACCOUNT NUMBER …` gives clinics a live number to call from, and
a ladder that begins with a call; `python -m tests.storm.lines stage JOB …` stages periodic
jobs before their time.
"""

import os
import sys
import time
from dataclasses import asdict
from itertools import pairwise

import jobs  # noqa: F401 - registers what may be staged
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.base import transaction, use_database
from models.delivery.stage import stage
from rules.contact.ladder import Rung
from runtime.clock import real_now
from runtime.settings import get_settings
from tests.calling import a_live_line

LADDER = [asdict(rung) for rung in (Rung(1, "voice"), Rung(3, "sms", "payment_link"))]


def main(what: str, *named: str) -> None:
    """Do it."""
    use_database(get_settings().database_url)
    if what == "stage":
        with transaction():
            for job in named:
                stage(job, f"storm:{time.time_ns()}")
        return
    server = {
        "url": f"{os.environ['PUBLIC_URL']}/api/webhooks/vapi",
        "headers": {"X-Vapi-Secret": get_settings().vapi_webhook_secrets[0]},
    }
    for account_id, number in list(pairwise(named))[::2]:
        account = Account.get_by_id(account_id)
        a_live_line(account, number, server=server)
        chosen = {"calling": "automatic", "first_contacts": "automatic", "ladder": LADDER}
        AccountSettings.choose(account, chosen, real_now())


if __name__ == "__main__":
    main(*sys.argv[1:])
