"""The endpoint for the agent's tools: a model's tool calls, forwarded by Vapi, are answered from
rows.

Once the request is authenticated, the answer is always 200: Vapi treats any other status as no
answer, and the model might make one up. https://docs.vapi.ai/tools/custom-tools
"""

from collections.abc import Callable
from functools import cache

import falcon

from actions.calling.tools.dispatch import answer_tool
from models.transactions import release_connection, retry_on_conflict
from rules.calling.tool_payloads import (
    Answer,
    Json,
    ToolInvocation,
    Utterance,
    read_call,
    read_tool_calls,
    read_transcript,
    rendered,
)
from rules.calling.tool_replies import FAILED
from runtime.log import get_log
from web.http.responses import Shown
from web.openapi.openapi import documented
from web.webhooks.vapi_body import vapi_body

log = get_log("tools")


class ToolResult(Shown):
    """The answer to one tool call, in one line: a `result` or an `error`."""

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
        """Answer the tool calls in a message from Vapi.

        The message is authenticated by `X-Vapi-Secret`, a bearer token or `X-Signature`. 200 even
        if a tool fails.
        """
        document = vapi_body(req)
        at_vapi = read_call(document)
        transcript = cache(lambda: read_transcript(document))
        resp.media = {
            "results": [
                rendered(called, _answer(at_vapi, called, transcript))
                for called in read_tool_calls(document)
            ]
        }


def _answer(
    at_vapi: Json, called: ToolInvocation, transcript: Callable[[], tuple[Utterance, ...]]
) -> Answer:
    """The answer to a tool call, failed or not: the model might take silence for success."""
    try:
        return retry_on_conflict(lambda: answer_tool(at_vapi, called, transcript))
    except Exception:
        log.exception("a tool failed", tool=called.name)
        release_connection()
        return Answer(FAILED, failed=True)
