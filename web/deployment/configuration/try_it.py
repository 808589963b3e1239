"""Trying the receptionist in writing, before anything is paid or deployed."""

from typing import Annotated, Any

import falcon
from pydantic import Field

from actions.deployment.configuration.try_it import ask_receptionist, record_reply
from web.accounts.accounts import account_of
from web.deployment.responses import TrialReply
from web.http.body import Body, check
from web.http.fields import Id
from web.http.idempotency import idempotent
from web.openapi.openapi import documented


class TrialQuestion(Body):
    """A message to the receptionist; `conversationId` continues an earlier conversation."""

    message: Annotated[str, Field(min_length=1, max_length=2000)]
    conversation_id: Id | None = None


class TryIt:
    """`/api/accounts/{account_id}/try`"""

    def prepare(self, req: falcon.Request, document: Any, account_id: str) -> None:
        """Ask Vapi, before anything is written."""
        account, wanted = account_of(req, account_id), check(TrialQuestion, document)
        req.context.answered = ask_receptionist(account, wanted.message, wanted.conversation_id)

    @documented(
        "Wizard",
        {200: TrialReply},
        body=TrialQuestion,
        problems=("ceiling_reached", "provider_refused", "provider_unavailable", "not_configured"),
    )
    @idempotent
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, document: Any, account_id: str
    ) -> None:
        """Talk to the receptionist as it is configured now.

        Nothing is created at Vapi. The question is not stored, the answer only with an
        Idempotency-Key, encrypted like every answer; no payment is needed.
        """
        reply, chat = req.context.answered
        chat = record_reply(account_of(req, account_id), chat, reply)
        resp.media = TrialReply(reply=reply.text, conversation_id=chat.id).document()
