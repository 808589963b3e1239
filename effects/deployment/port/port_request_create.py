"""A clinic's number is asked of its carrier, by Twilio: one request for a number, whoever asks.

The request carries no tag: a number has one that is not over, so before one is made, and whenever
an answer was lost, the list is looked through for the number. The PIN is in no request of ours: it
is read, sealed, from the clinic's setup as the bytes leave.
"""

from effects.kind import Cost, Json, Kind
from models.deployment.setup import Setup
from models.effects.effect import Effect
from providers.errors import ProviderError, hiding
from providers.twilio import porting
from runtime.log import get_log
from runtime.secret_box import unseal
from runtime.settings import get_settings

WEBHOOK = "/api/webhooks/twilio/porting"

log = get_log("deployment")


def _send(effect: Effect) -> Json:
    there = _find(effect)
    if there is not None:
        return there
    _report_to_us()
    number: Json = {"phone_number": effect.request["number"]}
    setup = Setup.of(effect.request["account"])
    sealed = {} if setup is None else setup.sealed
    if "sealedPin" in sealed:
        number["pin"] = unseal(sealed["sealedPin"])
    with hiding(number.get("pin", "")):
        return porting.create_port(effect.request["body"] | {"phone_numbers": [number]})


def _find(effect: Effect) -> Json | None:
    return porting.find_port(effect.request["number"])


def _report_to_us() -> None:
    """Twilio reports on ports to one address. That of another installation is left alone: then, and
    where Twilio does not let it be set, the hourly look tells how ports go.
    """
    try:
        if not porting.webhook():
            porting.set_webhook(f"{get_settings().public_url}{WEBHOOK}")
    except ProviderError as error:
        log.warning("nobody reports on ports", code=error.code, reason=str(error))


def _is_its_own(effect: Effect, port: Json) -> bool:
    return any(each["number"] == effect.request["number"] for each in port["numbers"])


PORT_REQUEST_CREATE = Kind(
    name="port_request_create",
    provider="twilio",
    does="Ask for a number to be ported to Twilio",
    recorded_by="deploy_account",
    many_per_job=True,
    daily_limit=None,
    costs=Cost.PLATFORM,
    undone_by="port_request_cancel",
    expires=True,
    keep=("id", "status"),
    send=_send,
    find=_find,
    read=lambda _effect, sid: porting.get_port(sid),
    is_its_own=_is_its_own,
    keyed=False,
)
