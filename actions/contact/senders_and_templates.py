"""An account's text sender and templates."""

from models.accounts.account import Account
from models.accounts.audit_entry import AuditEntry
from models.contact.account_sender import AccountSender
from models.contact.message_template import MessageTemplate
from models.delivery.stage import stage_again
from models.transactions import transaction
from rules.contact.templates import KINDS, STOP_LINES, template_errors
from runtime.clock import real_now
from runtime.errors import Refused
from runtime.settings import get_settings


def assign_sender(
    account: Account,
    messaging_service_sid: str | None,
    from_number: str | None,
    actor: str,
    registration: str | None = None,
) -> None:
    """Set the account's sender, a messaging service or a number, and its known registration with
    the carriers. Raises Refused `invalid` for both and for neither.
    """
    if (messaging_service_sid is None) == (from_number is None):
        raise Refused(
            "invalid",
            "Give either a messagingServiceSid or a fromNumber.",
            [
                {
                    "field": "messagingServiceSid",
                    "message": "is neither given alone nor left out; one sender is accepted; send"
                    " it or fromNumber, not both",
                }
            ],
        )
    with transaction():
        AccountSender.assign(account, messaging_service_sid, from_number, real_now(), registration)
        named = messaging_service_sid or from_number
        AuditEntry.record(
            actor, "sender.assigned", f"account:{account.id}", account.id, sender=named
        )
        settings = get_settings()
        if named and settings.twilio_account_sid and settings.twilio_auth_tokens:
            stage_again("read_sender_registration", named, named, fair_to=account.id)


def write_template(account: Account, kind: str, language: str, body: str, actor: str) -> None:
    """Set the account's own template. Raises Refused: `not_found` for an unknown kind or language,
    `invalid` for words that cannot be sent.
    """
    _check_known(kind, language)
    if faults := template_errors(kind, body):
        raise Refused(
            "invalid",
            "; ".join(faults),
            [{"field": "body", "message": fault} for fault in faults],
        )
    with transaction():
        MessageTemplate.write(account.id, language, kind, body, real_now())
        _audit(account, "template.written", kind, language, actor)


def forget_template(account: Account, kind: str, language: str, actor: str) -> None:
    """Return to the built-in template. Raises Refused `not_found`."""
    _check_known(kind, language)
    with transaction():
        MessageTemplate.forget(account.id, language, kind)
        _audit(account, "template.forgotten", kind, language, actor)


def _audit(account: Account, action: str, kind: str, language: str, actor: str) -> None:
    AuditEntry.record(
        actor, action, f"account:{account.id}", account.id, kind=kind, language=language
    )


def _check_known(kind: str, language: str) -> None:
    if kind not in KINDS or language not in STOP_LINES:
        known = f"kinds are {', '.join(KINDS)}; languages {', '.join(STOP_LINES)}"
        raise Refused("not_found", f"There is no template {kind[:20]} in {language[:20]}: {known}.")
