"""How a clinic's calls reach the receptionist by SIP: addresses, and the allowed sources; pure.

The clinic's phone system signs in to a trunk at Twilio, which must be addressed by its domain name:
Twilio identifies trunks by the name that is called, and rejects a call to an IP address. The trunk
sends the calls on to Vapi, which allows sources by IP address only, never by name.
"""

from typing import Any

# Twilio's signalling IPs (twilio.com/docs/sip-trunking/ip-addresses); each is a block of four, and
# a call can come from any region
SIGNALLING = (
    "54.172.60.0",  # Virginia
    "54.244.51.0",  # Oregon
    "54.171.127.192",  # Ireland
    "35.156.191.128",  # Frankfurt
    "54.65.63.192",  # Tokyo
    "54.169.127.128",  # Singapore
    "54.252.254.64",  # Sydney
    "177.71.206.192",  # São Paulo
)
NETMASK = 30
HOSTS = {True: "sip.eu.vapi.ai", False: "sip.vapi.ai"}


def trunk_at_vapi() -> dict[str, Any]:
    """The body that registers a trunk at Vapi: inbound calls only."""
    gateway = {"netmask": NETMASK, "inboundEnabled": True, "outboundEnabled": False}
    return {
        "provider": "byo-sip-trunk",
        "gateways": [{"ip": address} | gateway for address in SIGNALLING],
        "outboundLeadingPlusEnabled": True,
    }


def sip_address_at_vapi(number: str, credential_id: str, vapi_base: str) -> str:
    """The SIP URI at which Vapi answers calls to `number` on the trunk registered as
    `credential_id`.
    """
    host = HOSTS[".eu." in vapi_base]
    return f"sip:{number}@{credential_id}.{host}"


def domain_of(sip_url: str) -> str:
    """The domain of a trunk's SIP URI: pp-a1.pstn.twilio.com for `sip:pp-a1.pstn.twilio.com`."""
    return sip_url.removeprefix("sip:")
