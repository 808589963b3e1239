"""Vapi: whether it accepts the key, whether its webhooks can be verified, and numbers that nothing
answers any more. Read-only.
"""

from collections.abc import Iterator

from bin.commands.checks.finding import Finding, judged
from providers.errors import ProviderError
from providers.vapi.phone_numbers import list_numbers
from runtime.errors import Misconfigured
from runtime.settings import Settings

WHAT = "Vapi"
REFUSED = frozenset({"unauthorized", "forbidden", "payment_required"})
AWAY = "Check that this machine can reach VAPI_API_BASE. No clinic can go live until then."
MAKE_ONE_UP = (
    "Set it to a long random text, and deploy again: without it, the voice agent's requests cannot"
    " be told from forged ones."
)
WORKFLOWS = (
    "Vapi stopped its Workflows on 2026-08-18, so calls there are not answered. Have the number's"
    " clinic deploy again, or delete the number at Vapi."
)


def check_voice(settings: Settings) -> Iterator[Finding]:
    """Check the settings, and Vapi's answer to the key."""
    if not settings.vapi_api_key:
        yield Finding("ok", WHAT, "not set up: no clinic goes live")
        return
    yield judged(
        not settings.vapi_webhook_secrets,
        "VAPI_WEBHOOK_SECRET",
        "set" if settings.vapi_webhook_secrets else "not set",
        MAKE_ONE_UP,
    )
    try:
        numbers = list_numbers()
    except ProviderError as error:
        if error.code in REFUSED:
            yield Finding("fail", WHAT, f"rejects the key ({error.code})", error.advice)
        else:
            yield Finding("warn", WHAT, f"cannot be read: {error.code}", AWAY)
        return
    except Misconfigured as error:
        yield Finding("fail", "VAPI_API_KEY", "not a Vapi key", str(error))
        return
    yield Finding("ok", WHAT, f"answers, and accepts the key; its numbers: {len(numbers)}")
    left = [str(row.get("number") or row.get("id")) for row in numbers if row.get("workflowId")]
    if left:
        yield Finding("warn", "Vapi numbers", f"in a Workflow: {', '.join(left)}", WORKFLOWS)
