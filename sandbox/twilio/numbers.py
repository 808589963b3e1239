"""Numbers that always fail: Twilio's own magic numbers, and more for failures that come later.

The first five are Twilio's (https://www.twilio.com/docs/iam/test-credentials); +15005553003 and the
like, for delivery error 30003 and so on, are the stand-in's own. Other numbers fail when the
control API says so.
"""

REFUSED = {
    "+15005550001": (21211, "The 'To' number +15005550001 is not a valid phone number."),
    "+15005550002": (21612, "The message cannot be routed to +15005550002."),
    "+15005550003": (
        21408,
        "Permission to send an SMS has not been enabled for the region of +15005550003.",
    ),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient +15005550004."),
    "+15005550009": (21614, "'To' number +15005550009 is not a valid mobile number."),
}
# +15005553003 …
UNDELIVERED = {
    f"+1500555{code // 10_000}{code % 1000:03d}": code
    for code in (30003, 30005, 30006, 30007, 30008, 30034)
}
# these never reach a carrier: `failed`, not `undelivered`
FAILED = frozenset({30034, 30036, 21610})

MAGIC_SENDER = "+15005550006"
MAGIC_SERVICE = f"MG{'0' * 32}"
