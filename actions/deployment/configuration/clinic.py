"""What a receptionist is rendered from: a clinic as its configuration stands."""

from actions.integrations.free_times import has_calendar
from models.accounts.account import Account
from models.accounts.account_settings import AccountSettings
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.setup import Setup
from rules.deployment.rendering import Clinic, File
from runtime.settings import get_settings


def clinic_of(account: Account, setup: Setup | None) -> Clinic:
    """The clinic, with the files that Vapi has read. Callers are told the clinic's own number, or
    the receptionist's where there is no other.
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
        # a number that is forwarded to us would bring the caller back
        transfer_number="" if transfer in {own, e164} else transfer,
    )


def files_in(account_id: str, *states: str) -> list[KnowledgeFile]:
    """The account's files in these states, oldest first."""
    marks = ", ".join("?" for _ in states)
    where = f"account_id = ? AND state IN ({marks}) ORDER BY id"
    return KnowledgeFile.all(where, account_id, *states)
