"""Addresses of people and senders, without the channel prefix.

Twilio puts the channel before an address that is not plain SMS: `rcs:+12025550142`,
`whatsapp:+12025550142`, `messenger:1234567`, and for a sender `rcs:clinic_agent`
(https://www.twilio.com/docs/messaging/channels). It is the same person on every channel, and an
opt-out applies to the person.
"""

import re

CHANNELS = ("rcs", "whatsapp", "messenger")
_CHANNELS = re.compile(r"(?:[a-z][a-z0-9_.-]*:\s*)+", re.IGNORECASE)


def without_channel(address: str) -> str:
    """The phone number, or the provider's own id, from an address of any channel."""
    bare = address.strip()
    found = _CHANNELS.match(bare)
    return bare[found.end() :] if found else bare


def spellings(phone: str) -> tuple[str, ...]:
    """The phone number, plain and with each of Twilio's channel prefixes."""
    return (phone, *(f"{channel}:{phone}" for channel in CHANNELS))
