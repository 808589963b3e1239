"""A clinic's SIP trunk at Twilio. Deleting it also deletes its login list links and its routes."""

from effects.deployment.twilio.twilio_objects import creation, removal, state
from effects.kind import Json
from models.effects.effect import Effect
from providers.twilio import trunks

# the domain is the one shown to the clinic when it chose SIP
TRUNK_CREATE = creation(
    "trunk_create",
    "Create a SIP trunk at Twilio",
    create=lambda effect: trunks.create_trunk(effect.request["tag"], effect.request["domain"]),
    find=lambda effect: trunks.find_trunk(effect.request["tag"]),
    read=trunks.get_trunk,
    undone_by="trunk_delete",
)


def _find_let_in(effect: Effect) -> Json | None:
    wanted = effect.request["list"]
    return (
        {"id": wanted}
        if wanted in trunks.attached_credential_lists(effect.request["trunk"])
        else None
    )


TRUNK_LETS_IN = state(
    "trunk_lets_in",
    "Admit a list of SIP logins to a trunk at Twilio",
    send=lambda effect: trunks.attach_credential_list(
        effect.request["trunk"], effect.request["list"]
    ),
    find=_find_let_in,
    target_field="trunk",
)


def _find_sent_on(effect: Effect) -> Json | None:
    rows = trunks.origination_urls(effect.request["trunk"])
    return next((row for row in rows if row["sip_url"] == effect.request["sip_url"]), None)


def _send_on(effect: Effect) -> Json:
    asked = effect.request
    return trunks.set_origination_url(asked["trunk"], asked["tag"], asked["sip_url"])


TRUNK_SENDS_ON = state(
    "trunk_sends_on",
    "Route a SIP trunk's calls to Vapi",
    send=_send_on,
    find=_find_sent_on,
    target_field="trunk",
)


TRUNK_DELETE = removal(
    "trunk_delete",
    "Delete a SIP trunk at Twilio",
    delete=trunks.delete_trunk,
    read=trunks.get_trunk,
)
