"""Build the clinic that a receptionist is rendered from, out of its current configuration."""

from actions.integrations.free_times import has_calendar
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from rules.deployment.rendering import Clinic, File
from runtime.settings import get_settings


def clinic_of(account: Account, setup: Setup | None) -> Clinic:
    """Return the clinic with the files that Vapi has processed. Callers are given the clinic's own
    number, or the receptionist's if there is no other.
    """
    chosen = AccountSettings.of_account(account.id)
    settings = {} if setup is None else setup.phone_integration_settings
    line = PhoneLine.of(account.id)
    e164 = (line.e164 if line is not None else "") or ""
    ported = e164 if line is not None and line.source == "ported" and line.twilio_sid else ""
    own = settings.get("clinicNumber") or ported or settings.get("phoneNumber") or ""
    transfer = settings.get("transferNumber") or ""
    return Clinic(
        business_name=settings.get("businessName") or account.name,
        clinic_number=own or e164,
        time_zone=account.time_zone,
        public_url=get_settings().public_url,
        voice=None if setup is None else setup.voice,
        files=tuple(File(row.vapi_id or "", row.name) for row in files_in(account.id, "done")),
        has_calendar=has_calendar(account.id),
        keypad_payments=chosen.payment_collection == "in_call" and chosen.keypad_payments,
        # transferring to a number that is forwarded to us would loop
        transfer_number="" if transfer in {own, e164} else transfer,
    )


def files_in(account_id: str, *states: str) -> list[KnowledgeFile]:
    """Return the account's files in these states, oldest first."""
    marks = ", ".join("?" for _ in states)
    where = f"account_id = ? AND state IN ({marks}) ORDER BY id"
    return KnowledgeFile.all(where, account_id, *states)
