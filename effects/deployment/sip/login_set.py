"""A clinic's login is put into its list at Twilio, or given the clinic's new password.

The password is in no request: it is read, sealed, from the clinic's setup as the bytes leave. What
was sent without an answer is sent again, for Twilio shows no password that could be compared.
"""

from effects.deployment.twilio_objects import state
from effects.kind import Json
from models.deployment.setup import Setup
from models.effects.effect import Effect
from providers.errors import ProviderError, hiding
from providers.twilio import trunks
from runtime.secret_box import unseal

GONE = "SIP is not what the clinic has chosen any more."


def _send(effect: Effect) -> Json:
    setup = Setup.of(effect.request["account"])
    sealed = {} if setup is None else setup.sealed
    if "sealedPassword" not in sealed:
        raise ProviderError("twilio", "refused", GONE, "configuration_changed")
    password = unseal(sealed["sealedPassword"])
    with hiding(password):
        return trunks.set_login(effect.request["list"], effect.request["username"], password)


LOGIN_SET = state(
    "login_set",
    "Set a SIP login at Twilio",
    send=_send,
    find=lambda _effect: None,
    target_field="list",
)
