"""A list of SIP logins at Twilio, which a clinic's trunk admits."""

from effects.deployment.twilio.twilio_objects import creation, removal, state
from effects.kind import Json
from models.deployment.setup import Setup
from models.effects.effect import Effect
from providers.errors import ProviderError, masking
from providers.twilio import trunks
from runtime.secret_box import unseal

LOGIN_LIST_CREATE = creation(
    "login_list_create",
    "Create a list of SIP logins at Twilio",
    create=lambda effect: trunks.create_credential_list(effect.request["tag"]),
    find=lambda effect: trunks.find_credential_list(effect.request["tag"]),
    read=trunks.get_credential_list,
    undone_by="login_list_delete",
)


# Adds a login to the list, or changes its password. The password is in no request: it is unsealed
# from the clinic's setup just before the call. A request without an answer is sent again, because
# Twilio shows no password to compare with.
GONE = "The clinic no longer uses SIP."


def _set_login(effect: Effect) -> Json:
    setup = Setup.of(effect.request["account"])
    sealed = {} if setup is None else setup.sealed
    if "sealedPassword" not in sealed:
        raise ProviderError("twilio", "refused", GONE, "configuration_changed")
    password = unseal(sealed["sealedPassword"])
    with masking(password):
        return trunks.set_login(effect.request["list"], effect.request["username"], password)


LOGIN_SET = state(
    "login_set",
    "Set a SIP login at Twilio",
    send=_set_login,
    find=lambda _effect: None,
    target_field="list",
)


# deletes every login in it too
LOGIN_LIST_DELETE = removal(
    "login_list_delete",
    "Delete a list of SIP logins at Twilio",
    delete=trunks.delete_credential_list,
    read=trunks.get_credential_list,
)
