"""Save a clinic's choices: its voice, and how its calls arrive. Always allowed, and free.

Choices can be made in any order and repeated; the last one wins. Repeating an unchanged choice
changes nothing. What a deployment wrote into the settings is kept.
"""

import secrets
from typing import Any

from actions.deployment.configuration.setup_facts import note_configured
from actions.deployment.steps.sip.sip_logins import LIST, password_mark
from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.deployment.installation import installation_tag
from models.deployment.resource import Resource
from models.deployment.setup import SEALED, Json, Setup
from models.transactions import transaction
from rules.deployment.setup_messages import LOGGED
from runtime.clock import real_now, rfc3339
from runtime.errors import Refused
from runtime.ids import new_token
from runtime.log import get_log
from runtime.secret_box import is_newest, seal, unseal
from runtime.settings import get_settings

# settings that a deployment wrote, which every later choice keeps
DEPLOYED = ("twilioForwardNumber", "setupCompletedAt")
# Twilio requires 12 characters or more, with upper case, lower case and digits (SIP credentials)
PASSWORD_CHARACTERS = 24
LOOP = ", so calls would loop"
FROM_HERE = "is the number that test calls come from, so its forwarding could not be tested"

log = get_log("deployment")


def choose_voice(account: Account, voice: Json, actor: str) -> None:
    """Save the receptionist's voice, {provider, voiceId}."""
    now = real_now()
    with transaction():
        setup = Setup.locked_for(account.id, now)
        if setup.voice == voice:
            return
        setup.record(now, voice=voice)
        note_configured(setup, now)
        _audit(account, actor, "voice.chosen", **voice)


def choose_forwarded(account: Account, choices: Json, actor: str) -> Setup:
    """Save that the clinic forwards `clinicNumber` to a number that Deploy buys. Raises Refused
    `invalid` if calls would loop, or if test calls come from that number.
    """
    if choices["clinicNumber"] == get_settings().forwarding_test_number:
        raise _unusable("clinicNumber", FROM_HERE)
    for field in ("phoneNumber", "transferNumber"):
        if choices.get(field) == choices["clinicNumber"]:
            raise _unusable(field, f"is the clinic's own number, which is forwarded to us{LOOP}")
    if choices.get("transferNumber") and choices["transferNumber"] == choices.get("phoneNumber"):
        raise _unusable("transferNumber", f"is the receptionist's own number{LOOP}")
    return _choose(account, "forwarded", choices | {"needsPhoneNumber": True}, actor)


def _unusable(field: str, wrong: str) -> Refused:
    message = f"{wrong}; another number is accepted; choose another"
    return Refused("invalid", f"{field} {message}.", [{"field": field, "message": message}])


def choose_ported(account: Account, choices: Json, actor: str) -> Setup:
    """Save that the clinic's own number is to be ported. Its carrier is not contacted yet."""
    return _choose(account, "ported", choices | {"portStatus": "pending_configuration"}, actor)


def choose_none(account: Account, actor: str) -> Setup:
    """Save that the receptionist has no phone number."""
    return _choose(account, "none", {}, actor)


def choose_sip(account: Account, choices: Json, actor: str) -> tuple[Setup, Json]:
    """Save that calls arrive by SIP. Return the setup and the credentials {sipUrl, username,
    password}.

    The address and the username stay the same. The password is new each time, because it is stored
    sealed and shown only once.
    """
    name = f"{installation_tag()}-{account.id[-16:]}"
    credentials = {
        "sipUrl": f"sip:pp-{name}.pstn.twilio.com",
        "username": f"clinic-{name}",
        "password": _new_password(),
    }
    return _choose(account, "sip", choices | credentials, actor), credentials


def _choose(account: Account, method: str, choices: Json, actor: str) -> Setup:
    """Save the method and its settings, unless they are saved already. Secrets in `choices` are
    sealed.
    """
    now = real_now()
    with transaction():
        setup = Setup.locked_for(account.id, now)
        before = setup.phone_integration_settings
        if "portStatus" in choices and before.get("phoneNumber") == choices["phoneNumber"]:
            status = before.get("portStatus", choices["portStatus"])
            choices = choices | {"portStatus": status}  # the same number: keep its port's status
        if setup.phone_integration_method == method and _opened(before) == choices:
            return setup
        kept = {name: before[name] for name in DEPLOYED if name in before}
        setup.record(
            now,
            phone_integration_method=method,
            phone_integration_settings=_sealed(choices) | {"configuredAt": rfc3339(now)} | kept,
        )
        note_configured(setup, now)
        _audit(account, actor, "phone.configured", method=method)
    log.info(LOGGED[method], account_id=account.id)
    return setup


def reseal_setup(setup: Setup, actor: str) -> bool:
    """Seal the setup's secrets under the newest key. Return whether that was needed. Raises
    Misconfigured when none of the keys opens one.
    """
    now = real_now()
    with transaction():
        setup = Setup.locked(setup.account_id)
        settings = setup.phone_integration_settings
        old = {name: value for name, value in setup.sealed.items() if not is_newest(value)}
        if not old:
            return False
        fresh = {name: seal(unseal(value)) for name, value in old.items()}
        logins, mark = Resource.named(setup.account_id, LIST.name), password_mark(setup)
        setup.record(now, phone_integration_settings=settings | fresh)
        if logins is not None and logins.digest == mark:  # the password is the same
            logins.record(now, digest=password_mark(setup))
        _audit(setup.account, actor, "setup.resealed")
    return True


def _sealed(choices: Json) -> Json:
    """Return `choices` as they are stored: secrets encrypted, under names of their own."""
    return {
        SEALED.get(name, name): seal(value) if name in SEALED else value
        for name, value in choices.items()
    }


def _opened(settings: Json) -> Json:
    """Return the choices that stored settings were made from."""
    noted = (*DEPLOYED, "configuredAt")
    own = {name: value for name, value in settings.items() if name not in noted}
    plain = {kept: name for name, kept in SEALED.items()}
    return {
        plain.get(name, name): unseal(value) if name in plain else value
        for name, value in own.items()
    }


def _new_password() -> str:
    """Return a password with an upper-case letter, a lower-case letter and a digit."""
    kinds = ("ABCDEFGH", "23456789", "abcdefgh")
    rest = new_token(length=PASSWORD_CHARACTERS - len(kinds))
    return "".join(map(secrets.choice, kinds)) + rest


def _audit(account: Account, actor: str, action: str, **detail: Any) -> None:
    AuditEntry.record(actor, action, f"account:{account.id}", account.id, **detail)
