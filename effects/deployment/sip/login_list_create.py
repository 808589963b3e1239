"""A list of logins is made at Twilio, which a clinic's trunk will let in."""

from effects.deployment.twilio_objects import creation
from providers.twilio import trunks

LOGIN_LIST_CREATE = creation(
    "login_list_create",
    "Make a list of SIP logins at Twilio",
    create=lambda effect: trunks.create_list(effect.request["tag"]),
    find=lambda effect: trunks.find_list(effect.request["tag"]),
    read=trunks.get_list,
    undone_by="login_list_delete",
)
