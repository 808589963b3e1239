"""The receptionist's voice."""

from typing import Annotated, Literal

import falcon
from pydantic import Field

from actions.deployment.configuration.configure import choose_voice
from rules.deployment.setup_messages import VOICE_SAVED
from web.accounts.accounts import account_of
from web.deployment.responses import VoiceSaved, VoiceShown
from web.http.body import Body, check, read_json
from web.http.guards.auth import caller_of
from web.openapi.openapi import documented

# those of Vapi's assistants (its OpenAPI, October 2026), except custom-voice, which needs a server
Provider = Literal[
    "11labs",
    "azure",
    "cartesia",
    "deepgram",
    "hume",
    "inworld",
    "lmnt",
    "microsoft",
    "minimax",
    "neuphonic",
    "openai",
    "playht",
    "rime-ai",
    "sesame",
    "smallest-ai",
    "tavus",
    "vapi",
    "wellsaid",
    "xai",
]


class NewVoice(Body):
    """A voice, as Vapi names it."""

    provider: Provider
    voice_id: Annotated[str, Field(pattern=r"^[\w .:/+-]+$", max_length=120)]


class Voice:
    """`/api/accounts/{account_id}/voice`"""

    @documented("Wizard", {200: VoiceSaved}, body=NewVoice)
    def on_put(self, req: falcon.Request, resp: falcon.Response, account_id: str) -> None:
        """Choose the receptionist's voice. No payment is needed."""
        account, wanted = account_of(req, account_id), check(NewVoice, read_json(req))
        voice = wanted.model_dump(by_alias=True)
        choose_voice(account, voice, caller_of(req).actor)
        shown = VoiceShown(provider=wanted.provider, voice_id=wanted.voice_id)
        resp.media = VoiceSaved(message=VOICE_SAVED, voice=shown).document()
