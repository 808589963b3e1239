"""The body of a call that we place; pure. It carries ids, and not one word about a debt: whoever
speaks asks our tools, by the call's id.
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
) -> Json:
    """The whole body but for its name. The payments member speaks first, whatever the clinic's
    squad does with those who ring it.
    """
    of_clinic = render_squad(receptionist, payments)["members"]
    ids = {"callId": call_id}
    return {
        "phoneNumberId": phone_number_id,
        "customer": {"number": to, "externalId": call_id},
        "squad": {"members": of_clinic[::-1]},
        "squadOverrides": {"variableValues": ids, "metadata": ids},
    }
