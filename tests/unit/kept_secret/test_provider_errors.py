"""A provider's error messages are stored, logged and shown to staff, so secrets are removed from
them.
"""

import pytest

from providers.errors import ProviderError, masking


def test_a_key_that_contains_a_card_number_is_masked_as_a_whole():
    error = ProviderError("stripe", "refused", "Expired: sk_live_4242424242424242AbCdefghij.")
    assert str(error) == "stripe: Expired: ***."


@pytest.mark.parametrize(
    ("secret", "said", "told"),
    [
        ("4321", "PIN 4321 does not match", "PIN *** does not match"),
        ("4321", "pin_4321, pin=4321: 43210", "pin_***, pin=***: 43210"),
        ("4", "HTTP 400", "HTTP 400"),
        ("40", "HTTP 400", "HTTP 400"),
        ("400", "HTTP 4000", "HTTP 4000"),
        ("", "HTTP 400", "HTTP 400"),
        ("s3cret-pass", "%22s3cret-pass%22 is weak", "%22***%22 is weak"),
    ],
)
def test_only_the_secret_repeated_in_an_error_is_masked(secret, said, told):
    with pytest.raises(ProviderError) as raised, masking(secret):
        raise ProviderError("twilio", "refused", said)
    assert str(raised.value) == f"twilio: {told}"
