"""Read the facts about an account's setup that the rules need."""

import hashlib
import json
from datetime import datetime
from typing import Any

from actions.deployment.card.payment_required import why_card_not_chargeable
from actions.deployment.configuration.clinic import files_in
from actions.deployment.steps.assistants import RECEPTIONIST_AT_VAPI
from actions.deployment.steps.query_tool import searched_files
from actions.deployment.steps.sip.sip_logins import LIST, password_mark
from actions.integrations.connectors import TITLES
from models.deployment.knowledge_file import KnowledgeFile
from models.deployment.phone_line import PhoneLine
from models.deployment.resource import EMERGENCY_ADDRESS, Resource
from models.deployment.setup import Setup
from models.integrations.integration import Integration
from rules.deployment.readiness import Configured, File, is_configured


def configured_of(account_id: str, setup: Setup | None) -> Configured:
    """Return all that is known about the setup. If the account has begun none, that is only its
    files and integrations.
    """
    stored = KnowledgeFile.stored_for(account_id)
    files = [File(row.name, row.state, row.error) for row in stored]
    connected = {
        TITLES.get(row.provider, row.provider): row.state == "expired"
        for row in Integration.used_by(account_id)
    }
    if setup is None:
        return Configured(files=files, connected=connected)
    searched = searched_files(account_id)
    deleting = files_in(account_id, "deleting") if searched else []
    is_deployed = Resource.named(account_id, RECEPTIONIST_AT_VAPI.name) is not None
    ready = [row for row in stored if row.state == "done"] if is_deployed else []
    return Configured(
        voice=setup.voice,
        method=setup.phone_integration_method,
        settings=setup.phone_integration_settings,
        files=files,
        still_searched=[row.name for row in deleting if row.vapi_id in searched],
        not_searched=[row.name for row in ready if row.vapi_id not in searched],
        may_pay=setup.may_pay,
        card_problem=why_card_not_chargeable(setup),
        other_address=_address_differs(setup),
        other_sip=_sip_differs(setup),
        connected=connected,
    )


def _address_differs(setup: Setup) -> bool:
    """Whether the address registered for emergency calls differs from the saved one."""
    registered = Resource.named(setup.account_id, EMERGENCY_ADDRESS)
    saved = setup.phone_integration_settings.get("serviceAddress")
    return registered is not None and bool(saved) and registered.digest != digest_of(saved)


def _sip_differs(setup: Setup) -> bool:
    """Whether the trunk has another number or password than those that were saved last."""
    line = PhoneLine.of(setup.account_id) if setup.phone_integration_method == "sip" else None
    if line is None or line.source != "sip":
        return False
    logins = Resource.named(setup.account_id, LIST.name)
    has_other_password = logins is not None and logins.digest not in {"", password_mark(setup)}
    return has_other_password or line.e164 != setup.phone_integration_settings.get("clinicNumber")


def digest_of(address: dict[str, Any]) -> str:
    """Return a digest of an address as it is configured; equal addresses have equal digests."""
    return hashlib.sha256(json.dumps(address, sort_keys=True).encode()).hexdigest()


def note_configured(setup: Setup, now: datetime) -> None:
    """Record when the configuration was complete for the first time."""
    if setup.configured_at is None and is_configured(configured_of(setup.account_id, setup)):
        setup.record(now, configured_at=now)
