"""Report objects at our providers that belong to no account, and objects of ours that are missing
there.

Twice is harmless: a check changes nothing at a provider, and each stray has one row.
"""

from actions.deployment.strays.find_strays import check_place
from delivery.attempt import recording
from delivery.registry import job
from models.delivery.stage import stage
from runtime.clock import real_now
from runtime.settings import get_settings

# provider and kind; a test keeps them equal to the places that `find_strays` can check
PLACE_NAMES = (
    "vapi.phone-number",
    "vapi.squad",
    "vapi.assistant",
    "vapi.tool",
    "vapi.file",
    "twilio.number",
    "twilio.address",
    "vapi.credential",
    "twilio.trunk",
    "twilio.login-list",
    "twilio.port",
)


@job(queue="periodic", calls_out=False, attempts=3, timeout=20)
def find_strays() -> None:
    """Stage a check of each place whose provider we use."""
    hour = f"{real_now():%Y%m%d%H}"
    with recording():
        for place in sorted(PLACE_NAMES):
            if _is_used(place.partition(".")[0]):
                stage("find_strays_at", f"{place}:{hour}", place, fair_to="")


def _is_used(provider: str) -> bool:
    settings = get_settings()
    needed = {
        "vapi": (settings.vapi_api_key,),
        "twilio": (settings.twilio_account_sid, settings.twilio_auth_token),
    }
    return all(needed[provider])


@job(queue="periodic", calls_out=True, attempts=5, timeout=20)
def find_strays_at(place: str) -> None:
    """Compare the objects at `place`, such as `vapi.assistant`, with our rows."""
    check_place(place)
