"""Chat with a receptionist before it is deployed: Vapi's chat, with a transient assistant that is
sent with each question.

Messages and answers are stored in no row. The platform pays for it, so it needs no card; an account
has a daily ceiling of answers.
"""

from actions.deployment.configuration.clinic import clinic_of
from actions.deployment.configuration.knowledge_files import need_below_ceiling
from models.accounts.account import Account
from models.deployment.setup import Setup
from models.deployment.trial_chat import TrialChat
from models.effects.daily_limit import count_reserved
from models.transactions import transaction
from providers.errors import ProviderError
from providers.vapi.chat import ChatReply, create_chat
from rules.deployment.receptionist import render_trial
from runtime.clock import business_now, real_now
from runtime.errors import Refused
from runtime.ids import new_id
from runtime.log import get_log

RETRY_AFTER = 5  # seconds

log = get_log("deployment")


def ask_receptionist(
    account: Account, message: str, conversation_id: str | None
) -> tuple[ChatReply, TrialChat | None]:
    """Return the receptionist's answer, as it is configured now, and the conversation it continues,
    if any. Call it outside a transaction.

    Raises Refused: `not_found` for a conversation that is not the account's, `ceiling_reached`,
    `provider_unavailable`, `provider_refused`.
    """
    chat = _find(account, conversation_id) if conversation_id is not None else None
    with transaction():
        need_below_ceiling(account, "chats", "answers are given")
        count_reserved(account, "chats", business_now())
    assistant = render_trial(clinic_of(account, Setup.of(account.id)))
    try:
        reply = create_chat(assistant, message, (chat and chat.last_chat_id) or "")
    except ProviderError as error:
        raise _refusal_of(account, error) from error
    log.info("trial answered", account_id=account.id, cost_usd=reply.cost)
    return reply, chat


def record_reply(account: Account, chat: TrialChat | None, reply: ChatReply) -> TrialChat:
    """Record where the conversation continues, or begin a new one. Needs an open transaction."""
    now = real_now()
    if chat is None:
        made: TrialChat = TrialChat.create(
            id=new_id("try"),
            account=account,
            last_chat_id=reply.id,
            created_at=now,
            updated_at=now,
        )
        return made
    chat.record(now, last_chat_id=reply.id)
    return chat


def _find(account: Account, conversation_id: str) -> TrialChat:
    chat = TrialChat.one("id = ? AND account_id = ?", conversation_id, account.id)
    if chat is None:
        raise Refused("not_found", f"There is no conversation {conversation_id[:40]}.")
    return chat


def _refusal_of(account: Account, error: ProviderError) -> Refused:
    log.warning(
        "trial not answered",
        account_id=account.id,
        outcome=error.outcome,
        code=error.code,
        advice=error.advice,
    )
    if error.outcome == "refused":
        return Refused(
            "provider_refused",
            f"Vapi refused this configuration: {error} {error.advice}".strip(),
        )
    return Refused(
        "provider_unavailable",
        "Vapi did not answer in time. Nothing is lost: your configuration is kept, and you can send"
        " the same question again.",
        retry_after=RETRY_AFTER,
    )
