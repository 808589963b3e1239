"""Texting: Twilio's settings and credentials, a URL for its reports, and a sender for every account
that texts.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from bin.commands.checks.finding import Finding, judged
from models.accounts.account_settings import AccountSettings
from models.contact.account_sender import AccountSender, sender_of
from models.contact.consent import Consent
from models.contact.number_lookup import NumberLookup
from models.contact.sender_registration import SenderRegistration
from models.contact.text_watermark import TextWatermark
from providers.errors import ProviderError
from providers.twilio.accounts import OwnAccount, fetch_account
from rules.contact.number_lookups import is_refusal, why_unknown
from runtime.clock import real_now
from runtime.settings import Settings

SHOWN = 5
BEHIND = timedelta(hours=1)  # the list is read every three minutes
ACCOUNT_SID, SERVICE_SID = re.compile(r"AC[0-9a-fA-F]{32}"), re.compile(r"MG[0-9a-fA-F]{32}")


def check_texting(settings: Settings) -> Iterator[Finding]:
    """Check the settings and, if they look valid, Twilio's answer to them. Sends nothing."""
    if not settings.twilio_account_sid and not settings.twilio_auth_tokens:
        yield Finding("ok", "Twilio", "not set up: no texts are sent")
        return
    broken = [finding for finding in _settings(settings) if finding.level == "fail"]
    yield from broken or _account(settings)
    yield _callbacks(settings)


def _settings(settings: Settings) -> Iterator[Finding]:
    sid, service = settings.twilio_account_sid, settings.twilio_messaging_service_sid
    what = (
        "Copy it from the Twilio console: AC and 32 hexadecimal digits, not a key's SK… or a"
        " service's MG…."
    )
    yield judged(
        not ACCOUNT_SID.fullmatch(sid),
        "TWILIO_ACCOUNT_SID",
        "not set" if not sid else "not an account SID",
        what,
    )
    yield judged(
        not settings.twilio_auth_tokens,
        "TWILIO_AUTH_TOKEN",
        "not set",
        "Copy it from the Twilio console, next to the account SID.",
    )
    found, advice = (
        "not a messaging service SID",
        "Copy it from the Twilio console: MG and 32 hexadecimal digits; or leave it out.",
    )
    yield judged(
        bool(service) and not SERVICE_SID.fullmatch(service),
        "TWILIO_MESSAGING_SERVICE_SID",
        found,
        advice,
    )


def _account(settings: Settings) -> Iterator[Finding]:
    try:
        account = fetch_account()
    except ProviderError as error:
        if error.answered and error.outcome == "retry_later":
            yield Finding(
                "fail",
                "Twilio",
                f"rejects these credentials ({error.code})",
                "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.",
            )
            return
        yield Finding(
            "warn",
            "Twilio",
            f"no answer: {error.code}",
            "Check that this machine can reach api.twilio.com. Texts wait until then.",
        )
        return
    yield judged(
        account.status != "active",
        "Twilio",
        f"answers; the account is {account.status}",
        "Nothing is sent until it is active again: see the Twilio console.",
    )
    yield _trial(account, settings)


def _trial(account: OwnAccount, settings: Settings) -> Finding:
    """Check for a trial account: it has at most one number, and each live clinic needs its own."""
    return judged(
        account.is_trial,
        "Twilio account",
        "a trial: one number, and texts to verified numbers only" if account.is_trial else "full",
        "Upgrade it in the Twilio console, under Billing; until then no clinic can go live with a"
        " bought number.",
        "fail" if settings.payphone_env == "production" else "warn",
    )


def _callbacks(settings: Settings) -> Finding:
    """Check that Twilio can reach PUBLIC_URL, to which it reports and for which it signs."""
    host = urlsplit(settings.public_url).hostname or ""
    what, advice = (
        "Twilio's reports",
        (
            "Set PUBLIC_URL to the URL at which Twilio reaches this installation; host names hold"
            " letters, digits, dashes and dots."
        ),
    )
    if not host:
        return Finding("fail", what, "PUBLIC_URL is not set: no texts are sent", advice)
    return judged(
        "_" in host or _is_this_machine(host),
        what,
        f"to {host}",
        advice,
        "fail" if settings.payphone_env == "production" else "warn",
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _registrations(settings: Settings) -> Finding:
    """Report senders that carriers have not approved, as Twilio said at most a day ago."""
    found = SenderRegistration.in_trouble(settings.twilio_messaging_service_sid or "", SHOWN + 1)
    named = [
        f"{row.sender} {row.state}{f' ({row.code})' if row.code else ''}: {row.reason}"
        for row in found[:SHOWN]
    ]
    more = " …" if len(found) > SHOWN else ""
    return judged(
        bool(found),
        "sender registrations",
        f"{' '.join(named)}{more}" if named else "none is known to lack approval",
        "Their texts are refused (sender_unregistered), since carriers would block them. See"
        " docs/operations/texts.md; PUT /api/accounts/{id}/sender checks a sender again at once.",
        "warn",
    )


def _read_to(settings: Settings) -> Finding:
    """Check how far Twilio's list has been read for texts whose webhook was lost."""
    known = TextWatermark.one("twilio_account = ?", settings.twilio_account_sid)
    ago = real_now() - known.read_to if known is not None else timedelta()
    return judged(
        ago > BEHIND,
        "texts that came in",
        f"Twilio's list was read up to {ago.total_seconds() / 60:.0f} min ago"
        if known is not None
        else "Twilio's list has not been read yet",
        "A STOP whose webhook was lost takes effect only when the list is read: see the dead jobs"
        " of read_inbound_texts and take_missed_text, and docs/operations/texts.md.",
        "warn",
    )


def check_number_lookups(settings: Settings) -> Finding:
    """Check that numbers can be looked up for the accounts that want it. Judged by Twilio's last
    answer, because each lookup costs a fee.
    """
    what = "number lookups"
    rows = AccountSettings.all("number_check_days > 0 ORDER BY account_id LIMIT ?", SHOWN + 1)
    if not rows:
        return Finding("ok", what, "no account wants them (numberCheckDays)")
    named = ", ".join(row.account_id for row in rows[:SHOWN]) + " …" * (len(rows) > SHOWN)
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        why = "Twilio is not set up"
    else:
        last = NumberLookup.newest()
        why = why_unknown(last.answer) if last is not None and is_refusal(last.answer) else ""
    return judged(
        bool(why),
        what,
        f"{why}; wanted by {named}" if why else f"wanted by {named}",
        "Until lookups work, no customer of these accounts is contacted at a number that is due"
        " for one. Have Twilio approve Lookup's package reassigned_number for this account, or"
        " PATCH numberCheckDays to 0. See docs/operations/texts.md.",
    )


def check_senders(settings: Settings) -> Iterator[Finding]:
    """Check that each account whose customers have consented to texts has a sender."""
    if not settings.twilio_account_sid or not settings.twilio_auth_tokens:
        return
    own = {row.account_id for row in AccountSender.select(AccountSender.account)}
    texting = Consent.accounts_with("sms") | own
    lacking = sorted(account for account in texting if not sender_of(account))
    advice = (
        "Their texts are refused. PUT /api/accounts/{id}/sender with an operator's key, or set"
        " TWILIO_MESSAGING_SERVICE_SID."
    )
    fine = f"all {len(texting)} that text have one" if texting else "no account texts yet"
    yield judged(
        bool(lacking), "senders", f"none for {', '.join(lacking)}" if lacking else fine, advice
    )
    yield _registrations(settings)
    yield _read_to(settings)
    sharing = sorted(texting - own - set(lacking))
    advice = (
        "A STOP to one of them stops all. Give each account its own: PUT /api/accounts/{id}/sender."
    )
    yield judged(
        len(sharing) > 1,
        "shared sender",
        f"{len(sharing)} accounts" if sharing else "no account uses it",
        advice,
        "warn",
    )
