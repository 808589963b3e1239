"""Vapi's door for the agent's tools: what a model asks for in a call is answered from rows.

Once it is known that Vapi asks, the answer is always 200: Vapi takes any other status for no answer
at all, and the model might make one up. https://docs.vapi.ai/tools/custom-tools
"""

from collections.abc import Callable
from functools import cache

import falcon

from actions.calling.tools.answer import answer_tool
from models.transactions import again_if_it_gave_way, release_connection
from rules.calling.tools_payload import (
    Answer,
    Json,
    Said,
    ToolCalled,
    read_call,
    read_heard,
    read_tool_calls,
    rendered,
)
from rules.calling.tools_words import FAILED
from runtime.log import get_log
from web.http.answers import Shown
from web.openapi.openapi import documented
from web.webhooks.vapi_body import vapi_body

log = get_log("tools")


class ToolResult(Shown):
    """What one tool call is answered, in one line: a `result`, or an `error`."""

    tool_call_id: str
    name: str
    result: str | None = None
    error: str | None = None


class ToolResults(Shown):
    """One entry for each tool call, in their order."""

    results: list[ToolResult]


class VapiTools:
    """`/api/vapi/tools`"""

    @documented(
        "Webhooks",
        {200: ToolResults},
        problems=("unauthenticated", "body_too_large"),
        auth="signature",
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer the tool calls of a message of Vapi's, which proves itself by `X-Vapi-Secret`, a
        bearer token or `X-Signature`. 200 whatever came of them.
        """
        document = vapi_body(req)
        at_vapi = read_call(document)
        heard = cache(lambda: read_heard(document))
        resp.media = {
            "results": [
                rendered(called, _answer(at_vapi, called, heard))
                for called in read_tool_calls(document)
            ]
        }


def _answer(at_vapi: Json, called: ToolCalled, heard: Callable[[], tuple[Said, ...]]) -> Answer:
    """The answer, whatever happens: a failure is told to the model, which might take no answer for
    success.
    """
    try:
        return again_if_it_gave_way(lambda: answer_tool(at_vapi, called, heard))
    except Exception:
        log.exception("a tool failed", tool=called.name)
        release_connection()
        return Answer(FAILED, failed=True)
