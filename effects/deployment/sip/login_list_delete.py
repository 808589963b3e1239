"""A list of logins is taken away at Twilio, with every login in it."""

from effects.deployment.twilio_objects import removal
from providers.twilio import trunks

LOGIN_LIST_DELETE = removal(
    "login_list_delete",
    "Take a list of SIP logins away at Twilio",
    delete=trunks.delete_list,
    read=trunks.get_list,
)
