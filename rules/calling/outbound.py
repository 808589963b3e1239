"""The request body of an outbound call; pure. It carries ids and no word about a debt: the
assistant gets those from our tools, by the call's id.
"""

from rules.deployment.rendering import Json
from rules.deployment.squad import Member, render_squad


def render_call(
    *,
    call_id: str,
    phone_number_id: str,
    to: str,
    payments: Member,
    receptionist: Member,
    card_entry: Json | None = None,
) -> Json:
    """The whole body except for its name. The payments member speaks first, unlike in the clinic's
    squad for inbound calls.
    """
    reception, bills, *more = render_squad(receptionist, payments, card_entry)["members"]
    ids = {"callId": call_id}
    return {
        "phoneNumberId": phone_number_id,
        "customer": {"number": to, "externalId": call_id},
        "squad": {"members": [bills, reception, *more]},
        "squadOverrides": {"variableValues": ids, "metadata": ids},
    }
