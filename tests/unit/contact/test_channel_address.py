"""The channel prefix of an address is removed, so that a customer who writes over RCS is the one
whom we text.
"""

import pytest

from rules.contact.channel_address import without_channel


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("+12025550142", "+12025550142"),
        ("rcs:+12025550142", "+12025550142"),
        ("RCS: +12025550142 ", "+12025550142"),
        ("whatsapp:+12025550142", "+12025550142"),
        ("messenger:1054321", "1054321"),
        ("sms:rcs:+12025550142", "+12025550142"),
        ("rcs:harbor_dental_agent", "harbor_dental_agent"),
        ("", ""),
        (":", ":"),
        ("rcs:", ""),
    ],
)
def test_the_channel_prefix_is_removed_from_an_address(address, bare):
    assert without_channel(address) == bare
    assert without_channel(bare) == bare
