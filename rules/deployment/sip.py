"""How a clinic's calls reach the receptionist by SIP: addresses, and who may send; pure.

The clinic's phone system signs in to a trunk at Twilio, which is always shown by its name: Twilio
tells trunks apart by the name that is called, and refuses one that is called by an address. The
trunk sends the calls on to Vapi, which lets in addresses only, never names.
"""

from typing import Any

# from which Twilio sends calls to a phone system (twilio.com/docs/sip-trunking/ip-addresses); each
# is four addresses, and a call may come from any region
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
    """The body by which Vapi is told of a trunk: calls come in from it, and none go out by it."""
    gateway = {"netmask": NETMASK, "inboundEnabled": True, "outboundEnabled": False}
    return {
        "provider": "byo-sip-trunk",
        "gateways": [{"ip": address} | gateway for address in SIGNALLING],
        "outboundLeadingPlusEnabled": True,
    }


def answers_at(number: str, credential_id: str, vapi_base: str) -> str:
    """The address at which Vapi answers calls to `number` by the trunk it knows as
    `credential_id`.
    """
    host = HOSTS[".eu." in vapi_base]
    return f"sip:{number}@{credential_id}.{host}"


def domain_of(sip_url: str) -> str:
    """The domain of a trunk's address: `sip:pp-a1.pstn.twilio.com` is at pp-a1.pstn.twilio.com."""
    return sip_url.removeprefix("sip:")
